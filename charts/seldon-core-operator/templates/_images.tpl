{{/*
Images that older releases named by default. `helm upgrade --reuse-values` brings them along, and nobody ever chose them:
the controller's and the orchestrator's are then this chart's own. seldon_core/api/values_images.py says the same.
*/}}
{{- define "seldon.isFormerDefault" -}}
{{- $image := index . 0 -}}
{{- $repository := index . 1 -}}
{{- if and (eq (toString $image.registry) "docker.io") (eq (toString $image.repository) $repository) (regexMatch "^1\\.[0-9]+\\.[0-9]+$" (toString $image.tag)) -}}
true
{{- end -}}
{{- end -}}

{{/* Puts this chart's images in the place of those, in place; arguments: the values in force, the chart's defaults. */}}
{{- define "seldon.ownImages" -}}
{{- $values := index . 0 -}}
{{- $defaults := index . 1 -}}
{{- if include "seldon.isFormerDefault" (list $values.image "seldonio/seldon-core-operator") -}}
{{- $_ := set $values "image" (merge (dict "pullPolicy" $values.image.pullPolicy) $defaults.image) -}}
{{- end -}}
{{- if include "seldon.isFormerDefault" (list $values.executor.image "seldonio/seldon-core-executor") -}}
{{- $_ := set $values.executor "image" (merge (dict "pullPolicy" $values.executor.image.pullPolicy) $defaults.executor.image) -}}
{{- end -}}
{{- end -}}

{{/* What there is to say of former images, a line each; argument: the root. */}}
{{- define "seldon.imageNotes" -}}
{{- $defaults := .Files.Get "files/defaults.yaml" | fromYaml -}}
{{- $values := include "seldon.values" . | fromYaml -}}
{{- $given := dict "image" (.Values.image | default dict) "executor" (dict "image" ((.Values.executor | default dict).image | default dict)) -}}
{{- range list (list "image" $given.image "seldonio/seldon-core-operator" $values.image) (list "executor.image" $given.executor.image "seldonio/seldon-core-executor" $values.executor.image) -}}
{{- $own := index . 3 -}}
{{- if include "seldon.isFormerDefault" (list (index . 1) (index . 2)) }}
{{ index . 0 }}: {{ index . 2 }}:{{ (index . 1).tag }} was an older release's default; this chart's own takes its place: {{ include "seldon.image" (list $values (printf "%s/%s:%s" $own.registry $own.repository $own.tag)) }}.
{{- else if eq (toString (index . 1).repository) (index . 2) }}
{{ index . 0 }}: {{ index . 2 }} is Seldon Core's own image, which cannot do this chart's work. Name your copy of {{ (index (dict "image" $defaults.image "executor.image" $defaults.executor.image) (index . 0)).repository }} instead.
{{- end -}}
{{- end -}}
{{- if include "seldon.isFormerDefault" (list $given.image "seldonio/seldon-core-operator") }}
{{- if eq $values.manager.takeover "keep" }}
manager.takeover: running pods of an older release stay as they are until their SeldonDeployment is edited, or `seldonctl rollout` asks.
{{- else }}
manager.takeover: running pods of an older release are replaced now, {{ $values.manager.rollout.maxConcurrent | int | default "all" }} SeldonDeployments at a time.
{{- end -}}
{{- end -}}
{{- $kept := list -}}
{{- range $server, $row := $values.predictor_servers -}}
{{- range $protocol, $image := ($row | default dict).protocols -}}
{{- $ours := get (get (get (get $defaults.predictor_servers $server | default dict) "protocols" | default dict) $protocol | default dict) "image" | default "" -}}
{{- if and (hasPrefix "localhost/" $ours) (hasPrefix "seldonio/" (toString $image.image)) -}}
{{- $kept = append $kept (printf "%s %s" $server $image.image) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if hasPrefix "seldonio/" (toString $values.storageInitializer.image) -}}
{{- $kept = append $kept (printf "storageInitializer %s" $values.storageInitializer.image) -}}
{{- end -}}
{{- with $kept }}
Images of older releases that stay as they are named: {{ join ", " . }}. docs/takeover.md tells how to change to this chart's.
{{- end -}}
{{- end -}}
