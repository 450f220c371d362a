{{/*
Names of values are judged here and not by values.schema.json: a schema can say that a key is not allowed, and not which
one is meant. The same rules are in src/seldon_core/api/values_keys.py, in whose words they speak.
*/}}

{{/* Fails, with one sentence, where the values cannot be used. */}}
{{- define "seldon.check" -}}
{{- $keys := .Files.Get "files/keys.yaml" | fromYaml -}}
{{- $given := include "seldon.given" . | fromYaml -}}
{{- $result := dict -}}
{{- include "seldon.unknown" (list $given $keys.known $keys.old list $result) -}}
{{- if hasKey $result "path" -}}
{{- include "seldon.refuse" (include "seldon.sentence" (list $keys $result.path)) -}}
{{- end -}}
{{- $values := include "seldon.values" . | fromYaml -}}
{{- if eq (int $values.webhook.port) (int $values.metrics.port) -}}
{{- include "seldon.refuse" (printf "webhook.port and metrics.port are both %d: give one of them another port." (int $values.webhook.port)) -}}
{{- end -}}
{{- with $values.storageInitializer.caBundle -}}
{{- if and .configMapName .secretName -}}
{{- include "seldon.refuse" "storageInitializer.caBundle: configMapName and secretName are both given: leave one of them empty." -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* `helm lint` logs what `fail` says and goes on; the regular expression, which is none, makes it fail, too. */}}
{{- define "seldon.refuse" -}}
{{- fail . -}}
{{- mustRegexMatch (print "(" .) "" -}}
{{- end -}}

{{/*
The values of this chart. `enabled` is how a chart that has this one as a dependency switches it on; null, which means the
default, is what Helm 3 hands on and Helm 4 does not.
*/}}
{{- define "seldon.given" -}}
{{- $given := .Values | toYaml | fromYaml -}}
{{- if not .Chart.IsRoot }}{{ $_ := unset $given "enabled" }}{{ end -}}
{{- include "seldon.dropNulls" $given -}}
{{- toYaml $given -}}
{{- end -}}

{{/* Takes keys with null out of a mapping, in place. */}}
{{- define "seldon.dropNulls" -}}
{{- $node := . -}}
{{- range $key, $value := $node -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $node $key -}}
{{- else if kindIs "map" $value -}}
{{- include "seldon.dropNulls" $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The first key that no release ever had; arguments: values, known keys, old keys, path, dict that gets `path`. */}}
{{- define "seldon.unknown" -}}
{{- $tree := index . 1 -}}
{{- $former := index . 2 -}}
{{- $path := index . 3 -}}
{{- $result := index . 4 -}}
{{- range $key, $value := index . 0 -}}
{{- if not (hasKey $result "path") -}}
{{- $here := append $path $key -}}
{{- $below := include "seldon.below" (list $tree $key) -}}
{{- $before := include "seldon.below" (list $former $key) -}}
{{- $free := or (eq $below "anything") (eq $before "anything") -}}
{{- if not (or $free (kindIs "invalid" $value) (eq (first $here) "global")) -}}
{{- if and (not $below) (or (not $before) (not (kindIs "map" $value))) -}}
{{- $_ := set $result "path" $here -}}
{{- include "seldon.down" (list $value $result) -}}
{{- else if kindIs "map" $value -}}
{{- $trees := list (get $tree (include "seldon.name" (list $tree $key))) (get $former (include "seldon.name" (list $former $key))) -}}
{{- include "seldon.unknown" (list $value (index $trees 0 | default dict) (index $trees 1 | default dict) $here $result) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Goes on with the path of a dict to the first leaf of a value: the name that was typed. */}}
{{- define "seldon.down" -}}
{{- $result := index . 1 -}}
{{- if kindIs "map" (index . 0) -}}
{{- with keys (index . 0) | sortAlpha -}}
{{- $_ := set $result "path" (append $result.path (first .)) -}}
{{- include "seldon.down" (list (get (index $ 0) (first .)) $result) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The key of a tree that stands for a key: itself, or the star. */}}
{{- define "seldon.name" -}}
{{- ternary (index . 1) "*" (hasKey (index . 0) (index . 1)) -}}
{{- end -}}

{{/* What a tree says of a key: `section` where keys are below it, `anything`, or nothing where it does not know it. */}}
{{- define "seldon.below" -}}
{{- $name := include "seldon.name" . -}}
{{- if hasKey (index . 0) $name -}}
{{- ternary "anything" "section" (kindIs "invalid" (get (index . 0) $name)) -}}
{{- end -}}
{{- end -}}

{{/* What to say of an unknown key; arguments: all of files/keys.yaml, the key's path. */}}
{{- define "seldon.sentence" -}}
{{- $keys := index . 0 -}}
{{- $path := index . 1 -}}
{{- $tree := $keys.known -}}
{{- $section := list -}}
{{- $rest := $path -}}
{{- range $name := $path -}}
{{- if ne (include "seldon.below" (list $tree $name)) "section" }}{{ break }}{{ end -}}
{{- $section = append $section $name -}}
{{- $rest = rest $rest -}}
{{- $tree = get $tree (include "seldon.name" (list $tree $name)) -}}
{{- end -}}
{{- $near := include "seldon.nearest" (list $tree $section $rest) -}}
{{- if not (or $near (hasKey (get $keys.known (first $path) | default dict) "*")) -}}
{{- $namesakes := list -}}
{{- range $leaf := $keys.leaves -}}
{{- if eq (lower (last (splitList "." $leaf))) (lower (last $path)) -}}
{{- $namesakes = append $namesakes $leaf -}}
{{- end -}}
{{- end -}}
{{- $near = include "seldon.closest" (list (join "." $path) $namesakes 0) -}}
{{- end -}}
{{- if $near -}}
Unknown value {{ join "." $path }}: did you mean {{ $near }}?
{{- else -}}
Unknown value {{ join "." $path }}. {{ if $section }}Keys of {{ join "." $section }}{{ else }}Keys{{ end }}: {{ join ", " (keys $tree | sortAlpha) }}; see docs/values.md.
{{- end -}}
{{- end -}}

{{/* The path that a misspelt one comes closest to, part for part; arguments: keys of the section, its path, what was typed. */}}
{{- define "seldon.nearest" -}}
{{- $tree := index . 0 -}}
{{- $found := index . 1 -}}
{{- range $name := index . 2 -}}
{{- $chosen := $name -}}
{{- if not (include "seldon.below" (list $tree $name)) -}}
{{- $chosen = include "seldon.closest" (list $name (keys $tree | sortAlpha) 600) -}}
{{- end -}}
{{- if not $chosen }}{{ break }}{{ end -}}
{{- $found = append $found $chosen -}}
{{- if eq (include "seldon.below" (list $tree $chosen)) "anything" }}{{ break }}{{ end -}}
{{- $tree = get $tree (include "seldon.name" (list $tree $chosen)) -}}
{{- end -}}
{{- if gt (len $found) (len (index . 1)) -}}
{{- join "." $found -}}
{{- end -}}
{{- end -}}

{{/* The first of the names that are most alike a name; arguments: name, names, how many in 1000 characters must agree. */}}
{{- define "seldon.closest" -}}
{{- $name := index . 0 -}}
{{- $best := dict "name" "" "likeness" (sub (index . 2) 1) -}}
{{- range $other := index . 1 -}}
{{- $likeness := include "seldon.likeness" (list $name $other) | int64 -}}
{{- if gt $likeness (int64 $best.likeness) -}}
{{- $_ := set $best "name" $other -}}
{{- $_ := set $best "likeness" $likeness -}}
{{- end -}}
{{- end -}}
{{- $best.name -}}
{{- end -}}

{{/* How many in 1000 characters of two names agree: those of their longest common subsequence; case is ignored. */}}
{{- define "seldon.likeness" -}}
{{- $one := splitList "" (lower (index . 0)) -}}
{{- $other := splitList "" (lower (index . 1)) -}}
{{- $row := dict "0" 0 -}}
{{- range $a := $one -}}
{{- $left := 0 -}}
{{- $aboveLeft := 0 -}}
{{- range $place, $b := $other -}}
{{- $above := get $row (toString $place) | int -}}
{{- if eq $a $b }}{{ $left = add1 $aboveLeft | int }}{{ else }}{{ $left = max $above $left | int }}{{ end -}}
{{- $_ := set $row (toString $place) $left -}}
{{- $aboveLeft = $above -}}
{{- end -}}
{{- end -}}
{{- div (mul 2000 (get $row (toString (sub (len $other) 1)) | int)) (add (len $one) (len $other)) -}}
{{- end -}}
