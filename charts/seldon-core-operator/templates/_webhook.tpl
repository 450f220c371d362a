{{/*
What leads to the webhook, and the live configuration. They are objects of the release; with managerCreateResources the
controller makes them, from the ConfigMap seldon-operator-values.
*/}}
{{- define "seldon.resources" -}}
{{- $values := include "seldon.values" . | fromYaml }}
{{- $namespace := include "seldon.namespace" . }}
{{- if not $values.certManager.enabled }}
# Without data: the controller is its own certificate authority, writes the certificate here and renews it. What the chart
# does not name, an upgrade does not touch.
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "seldon.webhookSecret" . }}
  namespace: {{ $namespace }}
  {{- with include "seldon.annotations" (list . dict) }}
  {{- . | nindent 2 }}
  {{- end }}
  labels:
    {{- include "seldon.labels" . | nindent 4 }}
  {{- with include "seldon.goesWithTheController" . }}
  {{- . | nindent 2 }}
  {{- end }}
type: Opaque
---
{{- end }}
apiVersion: v1
kind: Service
metadata:
  name: seldon-webhook-service
  namespace: {{ $namespace }}
  {{- with include "seldon.annotations" (list . dict) }}
  {{- . | nindent 2 }}
  {{- end }}
  labels:
    {{- include "seldon.labels" . | nindent 4 }}
  {{- with include "seldon.goesWithTheController" . }}
  {{- . | nindent 2 }}
  {{- end }}
spec:
  ports:
    - name: https
      port: 443
      protocol: TCP
      targetPort: {{ int $values.webhook.port }}
  selector:
    {{- include "seldon.selectorLabels" . | nindent 4 }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: {{ include "seldon.webhookConfiguration" . }}
  {{- $injected := dict }}
  {{- if $values.certManager.enabled }}
  {{- $_ := set $injected "cert-manager.io/inject-ca-from" (printf "%s/seldon-serving-cert" $namespace) }}
  {{- end }}
  {{- with include "seldon.annotations" (list . $injected) }}
  {{- . | nindent 2 }}
  {{- end }}
  labels:
    {{- include "seldon.labels" . | nindent 4 }}
  {{- if $values.managerCreateResources }}
  ownerReferences:
    - apiVersion: rbac.authorization.k8s.io/v1
      kind: ClusterRole
      name: seldon-webhook-role-{{ $namespace }}
  {{- end }}
webhooks:
  - name: v1.vseldondeployment.kb.io
    admissionReviewVersions: [v1, v1beta1]
    # No caBundle: the controller, or cert-manager, writes it here, and readiness waits for it.
    clientConfig:
      service:
        name: seldon-webhook-service
        namespace: {{ $namespace }}
        path: /validate-machinelearning-seldon-io-v1-seldondeployment
        port: 443
    failurePolicy: Fail
    # Each version is asked about as it was written; Equivalent, so that a version that the definition may gain does not
    # pass by the webhook.
    matchPolicy: Equivalent
    namespaceSelector:
      {{- if $values.singleNamespace }}
      matchLabels:
        kubernetes.io/metadata.name: {{ $namespace }}
      {{- else }}
      # Such a namespace belongs to a controller of its own.
      matchExpressions:
        - key: seldon.io/controller-id
          operator: DoesNotExist
      {{- if $values.kubeflow }}
      matchLabels:
        serving.kubeflow.org/inferenceservice: enabled
      {{- end }}
      {{- end }}
    objectSelector:
      {{- if $values.controllerId }}
      matchLabels:
        seldon.io/controller-id: {{ $values.controllerId | quote }}
      {{- else }}
      matchExpressions:
        - key: seldon.io/controller-id
          operator: DoesNotExist
      {{- end }}
    rules:
      - apiGroups: [machinelearning.seldon.io]
        apiVersions: [v1, v1alpha2, v1alpha3]
        operations: [CREATE, UPDATE]
        resources: [seldondeployments]
        scope: Namespaced
    sideEffects: None
    timeoutSeconds: 10
{{- end -}}
