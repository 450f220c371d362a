{{/*
The values in force, as YAML: what was given, laid over the chart's defaults.
`helm upgrade --reuse-values` puts the values of the former release in the place of values.yaml, so a key that the former
release did not have is not in .Values at all; every template reads its values through this helper.
*/}}
{{- define "seldon.values" -}}
{{- $values := .Files.Get "files/defaults.yaml" | fromYaml -}}
{{- include "seldon.overlay" (list $values .Values) -}}
{{- include "seldon.ownImages" (list $values (.Files.Get "files/defaults.yaml" | fromYaml)) -}}
{{- /* Helm has merged these rows already; a row that was removed with null must not come back. */ -}}
{{- if kindIs "map" .Values.predictor_servers -}}
{{- $_ := set $values "predictor_servers" .Values.predictor_servers -}}
{{- end -}}
{{- toYaml $values -}}
{{- end -}}

{{/* Lays the second mapping over the first, in place; null counts as not given. */}}
{{- define "seldon.overlay" -}}
{{- $base := index . 0 -}}
{{- range $key, $value := index . 1 -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $base $key)) -}}
{{- include "seldon.overlay" (list (get $base $key) $value) -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $_ := set $base $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "seldon.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "seldon.webhookConfiguration" -}}
seldon-validating-webhook-configuration-{{ include "seldon.namespace" . }}
{{- end -}}

{{/*
The Secret with the webhook's certificate. The controller's is not called as Seldon Core 1.17.1's: that Secret is of the
type kubernetes.io/tls, which can neither be changed nor be without data, and its data would be Helm's. cert-manager's
is: it goes on with the one that it made.
*/}}
{{- define "seldon.webhookSecret" -}}
{{- $values := include "seldon.values" . | fromYaml -}}
{{- ternary "seldon-webhook-server-cert" "seldon-webhook-tls" $values.certManager.enabled -}}
{{- end -}}

{{- define "seldon.labels" -}}
app: seldon
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{/*
Labels of the controller's pod. A Deployment's selector cannot be changed, so these are the ones of Seldon Core 1.17.1,
whatever the release is called: an installation of it is upgraded in place.
*/}}
{{- define "seldon.selectorLabels" -}}
app: seldon
app.kubernetes.io/instance: seldon1
app.kubernetes.io/name: seldon
app.kubernetes.io/version: v0.5
control-plane: seldon-controller-manager
{{- end -}}

{{/* An image's full name; argument: the values in force and the image. `localhost` gives way to global.imageRegistry. */}}
{{- define "seldon.image" -}}
{{- $values := index . 0 -}}
{{- $image := trimPrefix "/" (index . 1) -}}
{{- if and $values.global.imageRegistry (hasPrefix "localhost/" $image) -}}
{{- $image = printf "%s/%s" (trimSuffix "/" $values.global.imageRegistry) (trimPrefix "localhost/" $image) -}}
{{- end -}}
{{- $image -}}
{{- end -}}

{{/* Pull secrets by name or as references; argument: the list. */}}
{{- define "seldon.pullSecrets" -}}
{{- range . }}
- {{ if kindIs "map" . }}{{ toYaml . }}{{ else }}name: {{ . }}{{ end }}
{{- end }}
{{- end -}}

{{/* How the controller's pods are spread; argument: the values in force. */}}
{{- define "seldon.spread" -}}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "seldon.selectorLabels" . | fromYaml)) -}}
{{- $constraints := .manager.topologySpreadConstraints -}}
{{- if and (gt (int .manager.replicas) 1) (not $constraints) (not .manager.affinity) -}}
{{- $constraints = list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway") -}}
{{- end -}}
{{- $result := list -}}
{{- range $constraints -}}
{{- $result = append $result (ternary . (merge (deepCopy .) $selector) (hasKey . "labelSelector")) -}}
{{- end -}}
{{- if $result -}}
{{- toYaml $result -}}
{{- end -}}
{{- end -}}

{{/* Full paths, a line each, of the keys that match a path in which * stands for any key; argument: mapping, path, prefix. */}}
{{- define "seldon.present" -}}
{{- $node := index . 0 -}}
{{- $path := index . 1 -}}
{{- $prefix := index . 2 -}}
{{- if not $path -}}
{{ trimPrefix "." $prefix }}{{ "\n" }}
{{- else if kindIs "map" $node -}}
{{- range $key, $value := $node -}}
{{- if and (or (eq (first $path) "*") (eq (first $path) $key)) (not (kindIs "invalid" $value)) -}}
{{- include "seldon.present" (list $value (rest $path) (printf "%s.%s" $prefix $key)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Verbs of an object that the controller makes, keeps and removes. */}}
{{- define "seldon.ownedVerbs" -}}
[create, delete, get, list, patch, update, watch]
{{- end -}}
