package simulation

import (
	"strings"
	"text/template"
)

// providerName is the name that the generated definitions carry.
const providerName = "simulated"

var definitionText = template.Must(template.New("definition").Parse(`
provider "{{ .Name }}" {
  title = "Simulated{{ if .Revision }}, {{ .Revision }}{{ end }}"
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
    help      = "Admin key."
  }
{{- if .Projects }}
  role "project" {
    type = string
    required = true
    help     = "Where the keys are made."
  }
{{- end }}
  auth "bearer" { token = connection.admin_key }
  check {
    get = "/v1/whoami"
    ok  = body.admin
  }
  issue {
{{- if .Steps }}
    step "account" {
      post = "/v1/accounts"
      json = { name = key.name }
      save = { account_id = body.id }
{{- if .Tells }}
      ok   = body.name == key.name
{{- end }}
      undo {
        delete = "/v1/accounts/${saved.account_id}"
        gone   = [404]
      }
    }
    step "key" {
      post = "/v1/accounts/${saved.account_id}/keys"
      json = { name = key.name{{ if .Expiry }}, expires_at = rfc3339(key.expires_at){{ end }} }
    }
    id = saved.account_id
{{- else }}
    post = "{{ .Place }}/keys"
    json = { name = key.name{{ if .Expiry }}, expires_at = rfc3339(key.expires_at){{ end }} }
    id   = {{ if .KnownID }}key.name{{ else }}body.id{{ end }}
{{- if .Tells }}
    ok   = body.name == key.name
{{- end }}
{{- end }}
    secret = { {{ if .Username }}username = body.username, {{ end }}api_key = body.key }
{{- if .Expiry }}
    expires_at = body.expires_at
{{- end }}
  }
  revoke {
{{- if .Steps }}
    delete = "/v1/accounts/${key.id}"
{{- else if .Sealed }}
    post = "{{ .Place }}/keys/${key.id}/revocation"
    json = { key = secret.api_key }
{{- else if .ByName }}
    delete = "{{ .Place }}/named-keys/${key.name}"
{{- else }}
    delete = "{{ .Place }}/keys/${key.id}"
{{- end }}
    gone = [404]
  }
{{- if not .NoList }}
  list {
    get = "{{ .Collection }}"
{{- if .Pages }}
{{- if .ByNumber }}
    query = { limit = {{ .Pages }}, page = coalesce(page.number, 1) }
    next  = length(items) == {{ .Pages }} ? { number = coalesce(page.number, 1) + 1 } : null
{{- else }}
    query = { limit = {{ .Pages }}, cursor = page.cursor }
    next  = body.next_cursor != null ? { cursor = body.next_cursor } : null
{{- end }}
{{- end }}
    items = body.data
    item  = { {{ .Item }} }
  }
{{- end }}
{{- if .Lookup }}
  lookup {
    get   = "{{ .Collection }}"
    query = { name = key.name }
    items = body.data
    item  = { {{ .Item }} }
  }
{{- end }}
{{- if .Extend }}
  extend {
    patch = "{{ .Place }}/keys/${key.id}"
    json  = { expires_at = rfc3339(key.expires_at) }
    gone  = [404]
    expires_at = body.expires_at
  }
{{- end }}
{{- if .Probe }}
  probe {
    get     = "/v1/use"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200]
    dead    = [401]
  }
{{- end }}
{{- if eq .Rotation "new" }}
  rotate {
    step "own" {
      get  = "/v1/whoami"
      save = { old_id = body.id }
    }
    step "new" {
      post = "/v1/admin-keys"
      json = { name = key.name }
    }
    connection = { admin_key = body.key }
    retire {
      delete = "/v1/admin-keys/${saved.old_id}"
      gone   = [404]
    }
    list {
      get   = "/v1/admin-keys"
      items = body.data
      item  = { name = item.name, old_id = item.id }
    }
  }
{{- else if eq .Rotation "candidate" }}
  rotate {
    candidate  = { admin_key = "{{ .Mark }}${random_password(24)}" }
    put        = "/v1/admin-keys/self/key"
    json       = { key = candidate.admin_key }
    connection = { admin_key = candidate.admin_key }
  }
{{- else if eq .Rotation "in place" }}
  rotate {
    post       = "/v1/admin-keys/self/roll"
    connection = { admin_key = body.key }
  }
{{- end }}
  key_name {
    max_length = 64
    characters = "A-Za-z0-9._-"
  }
{{- if .Expiry }}
  expiry { granularity = "1s" }
{{- end }}
  errors {
    message = body.error.message
{{- if .Throttling }}
    throttled = body.error.message == "slow down"
{{- end }}
  }
}
`))

// definition writes the HCL text that fits the traits. A revision makes another
// document of the same meaning.
func (t Traits) definition(name, revision string) string {
	place, collection := "/v1", "/v1/keys"
	switch {
	case t.Steps:
		collection = "/v1/accounts"
	case t.Projects:
		place = "/v1/projects/${role.project}"
		collection = place + "/keys"
	}
	item := "id = item.id, name = item.name"
	if t.IDsOnly {
		item = "id = item.id, name = item.id" // the id is the name
	}
	if !t.NoDates {
		item += ", created_at = item.created_at"
	}
	if t.Sealed && !t.Steps {
		// Those who can list a key see its value, at such providers.
		item += ", secret = { api_key = item.key }"
	}
	var text strings.Builder
	err := definitionText.Execute(&text, struct {
		Traits
		Name, Revision, Place, Collection, Item, Mark string
	}{t, name, revision, place, collection, item, secretMark})
	if err != nil {
		panic("simulation: writing a definition: " + err.Error())
	}
	return text.String()
}
