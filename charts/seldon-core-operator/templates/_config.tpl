{{/*
The live configuration, without data: the controller fills them in from the values and keeps what people edit (see
docs/adr/0004-seldon-config.md). What the chart does not name, an upgrade does not touch, and Helm 4 finds no conflict.

Arguments: the context, and the live ConfigMap. One that an older release made has data in its manifest, and Helm would
delete what the next manifest does not name: so it names them, as they are now.
*/}}
{{- define "seldon.config" -}}
{{- $context := index . 0 -}}
{{- $live := index . 1 -}}
{{- $annotations := dig "metadata" "annotations" (dict) $live | default dict -}}
{{- $data := get $live "data" -}}
{{- $isOurs := or (not $data) (hasKey $annotations "seldon.io/config-data") -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: seldon-config
  namespace: {{ include "seldon.namespace" $context }}
  {{- with include "seldon.annotations" (list $context (ternary (dict "seldon.io/config-data" "controller") dict $isOurs)) }}
  {{- . | nindent 2 }}
  {{- end }}
  labels:
    {{- include "seldon.labels" $context | nindent 4 }}
    control-plane: seldon-controller-manager
  {{- with include "seldon.goesWithTheController" $context }}
  {{- . | nindent 2 }}
  {{- end }}
{{- if not $isOurs }}
data:
  {{- toYaml $data | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
Annotations; arguments: the context, and more of them. With managerCreateResources there are those by which Helm takes
over what the controller has made, should the value be unset again.
*/}}
{{- define "seldon.annotations" -}}
{{- $context := index . 0 -}}
{{- $annotations := deepCopy (index . 1) -}}
{{- $values := include "seldon.values" $context | fromYaml -}}
{{- if $values.managerCreateResources -}}
{{- $_ := set $annotations "meta.helm.sh/release-name" $context.Release.Name -}}
{{- $_ := set $annotations "meta.helm.sh/release-namespace" $context.Release.Namespace -}}
{{- end -}}
{{- with $annotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* The owner of what the controller makes; the controller adds its uid. */}}
{{- define "seldon.goesWithTheController" -}}
{{- $values := include "seldon.values" . | fromYaml -}}
{{- if $values.managerCreateResources -}}
ownerReferences:
  - apiVersion: apps/v1
    kind: Deployment
    name: seldon-controller-manager
{{- end -}}
{{- end -}}
