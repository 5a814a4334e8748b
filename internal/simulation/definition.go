package simulation

import (
	"strings"
	"text/template"

	"vault-plugin-secrets-apikeys/providers"
)

// providerName is the name that the generated definitions carry.
const providerName = "simulated"

var definitionText = template.Must(template.New("definition").Parse(`
{{- define "pages" }}
{{- if .Pages }}
{{- if eq .PageKind "page" }}
    pagination "page" {
      size_parameter = "limit"
      size           = {{ .Pages }}
    }
{{- else if eq .PageKind "offset" }}
    pagination "offset" {
      size_parameter = "limit"
      size           = {{ .Pages }}
    }
{{- else if eq .PageKind "cursor" }}
    pagination "cursor" {
      parameter      = "cursor"
      next           = body.next_cursor
      size_parameter = "limit"
      size           = {{ .Pages }}
    }
{{- else if eq .PageKind "link" }}
    query = { limit = {{ .Pages }} }
    pagination "link" {}
{{- else if eq .PageKind "url" }}
    query = { limit = {{ .Pages }} }
    pagination "url" { next = body.next_url }
{{- else if .ByNumber }}
    query = { limit = {{ .Pages }}, page = coalesce(page.number, 1) }
    next  = length(items) == {{ .Pages }} ? { number = coalesce(page.number, 1) + 1 } : null
{{- else }}
    query = { limit = {{ .Pages }}, cursor = page.cursor }
    next  = body.next_cursor != null ? { cursor = body.next_cursor } : null
{{- end }}
{{- end }}
{{- end }}
{{- define "ends keys" }}
{{- if eq .EndsKeys "all" }}
    revokes_keys = true
{{- else if .EndsKeys }}
    revokes_keys = role.project == "{{ .EndsKeys }}"
{{- end }}
{{- end }}
{{- define "admin" }}  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
    help      = "Admin key."
  }
  auth "bearer" { token = connection.admin_key }
  check {
    get = "/v1/whoami"
    ok  = body.admin
  }
{{- end }}
{{- define "errors" }}  errors {
    message = body.error.message
{{- if .Denies }}
    unauthorized = status == 403 && body.error.message == "no such admin"
{{- end }}
{{- if .Throttling }}
    throttled = body.error.message == "slow down"
{{- end }}
  }
{{- end }}
provider "{{ .Name }}" {
  title = "Simulated{{ if .Revision }}, {{ .Revision }}{{ end }}"
{{- if .Lag }}
  lag   = "{{ .Lag }}"
{{- end }}
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
    help      = "Admin key."
  }
{{- if eq .BoundBy "connection" }}
  connection "addresses" {
    type            = list(string)
    binds_addresses = true
    help            = "Whence the keys work."
  }
{{- else if eq .BoundBy "role" }}
  role "addresses" {
    type            = list(string)
    binds_addresses = true
    help            = "Whence the keys work."
  }
{{- end }}
{{- if .Limits }}
  role "limited" {
    type    = bool
    default = false
    help    = "Whether the accounts are limited."
  }
{{- end }}
{{- if .Projects }}
  role "project" {
    type = string
    required = true
    help     = "Where the keys are made."
  }
{{- end }}
{{- if .Grants }}
  role "grants" {
    type    = list(string)
    default = ["read", "write"]
    help    = "What the keys may do."
  }
{{- end }}
{{- if .Granted }}
  role "scopes" {
    type    = list(string)
    default = ["read", "write"]
    help    = "What the keys may do."
  }
{{- end }}
  auth "bearer" { token = connection.admin_key }
  check {
    get = "/v1/whoami"
    ok  = body.admin
  }
  issue {
{{- if .Chosen }}
    candidate = { api_key = "{{ .Mark }}${random_password(24)}" }
{{- end }}
{{- if .Steps }}
    step "account" {
      post = "/v1/accounts"
      json = { name = key.name }
      save = { account_id = body.id }
{{- if .Tells }}
      ok   = body.name == key.name
{{- end }}
{{- if .Poll }}
      poll {
        get   = "/v1/accounts/${saved.account_id}"
        until = {{ if .YoungLag }}status == 200 && {{ end }}body.ready
        every = "2s"
      }
{{- end }}
      undo {
        delete = "/v1/accounts/${saved.account_id}"
        gone   = [404]
      }
    }
{{- if .Limits }}
    step "limit" {
      when = role.limited
      post = "/v1/accounts/${saved.account_id}/limit"
      json = { name = key.name }
      undo {
        delete = "/v1/accounts/${saved.account_id}/limit"
        gone   = [404]
      }
    }
{{- end }}
{{- if .Labels }}
    step "label" {
      when = key.expires_at != null
      put  = "/v1/accounts/${saved.account_id}/label"
      json = { name = key.name }
    }
{{- end }}
{{- if .Grants }}
    step "grant" {
      for_each = role.grants
      post     = "/v1/accounts/${saved.account_id}/grants"
      json     = { grant = each.value }
      save     = { grant_ids = body.id }
    }
{{- end }}
    step "key" {
      post = "/v1/accounts/${saved.account_id}/keys"
      json = { {{ .Wanted }} }
    }
    id = saved.account_id
{{- if .Grants }}
    save = { grant_ids = saved.grant_ids }
{{- end }}
{{- else }}
    post = "{{ .Place }}/keys"
    {{ if .Form }}form{{ else }}json{{ end }} = { {{ .Wanted }} }
{{- if .KnownID }}
    id   = key.name
{{- else if not .NoID }}
    id   = body.id
{{- end }}
{{- if .Tells }}
    ok   = body.name == key.name
{{- end }}
{{- end }}
    secret = { {{ if .Username }}username = body.username, {{ end }}api_key = {{ if .Chosen }}candidate.api_key{{ else }}body.key{{ end }} }
{{- if .Seconds }}
    expires_in = body.expires_in
{{- else if .Expiry }}
    expires_at = body.expires_at
{{- end }}
{{- if .Granted }}
    granted = { scopes = body.scopes }
{{- end }}
  }
  revoke {
{{- if .ListFirst }}
    list_first = true
{{- end }}
{{- if .Grants }}
    step "grants" {
      for_each = saved.grant_ids
      delete   = "/v1/accounts/${key.id}/grants/${each.value}"
      gone     = [404]
    }
    step "account" {
      delete = "/v1/accounts/${key.id}"
      gone   = [404]
    }
{{- else if .Looks }}
    step "look" {
      get   = "{{ .Collection }}/${key.id}"
      looks = true
      gone  = [404]
    }
    step "end" {
      delete = "{{ .Collection }}/${key.id}"
      gone   = [404]
    }
{{- else }}
{{- if .Steps }}
    delete = "/v1/accounts/${key.id}"
{{- else if .Sealed }}
    post = "{{ .Place }}/keys/${key.id}/revocation"
    json = { key = secret.api_key }
{{- else if .Derived }}
    post = "{{ .Place }}/keys/${key.id}/revocation"
    json = { passphrase = derived_password(key.name, 32) }
{{- else if .ByName }}
    delete = "{{ .Place }}/named-keys/${key.name}"
{{- else }}
    delete = "{{ .Place }}/keys/${key.id}"
{{- end }}
    gone = [404]
{{- end }}
  }
{{- if not .NoList }}
  list {
{{- if .Unnamed }}
    unnamed = true
{{- end }}
{{- if .OneByOne }}
    step "ids" {
      get   = "{{ .Collection }}"
      items = body.data
      save  = { ids = items[*].id }
{{- if .ListGone }}
      gone  = [404]
{{- end }}
{{- template "pages" . }}
    }
    for_each = saved.ids
    get      = "{{ .Collection }}/${each.value}"
    items    = [body]
    gone     = [404]
{{- else }}
    get   = "{{ .Collection }}"
    items = body.data
{{- template "pages" . }}
{{- if .ListGone }}
    gone  = [404]
{{- end }}
{{- end }}
    item  = { {{ .Item }} }
{{- if .Past }}
    skip  = item.revoked_at != null
{{- end }}
  }
{{- end }}
{{- if .Lookup }}
  lookup {
{{- if .OneByOne }}
    step "ids" {
      for_each = [key.name]
      get      = "{{ .Collection }}"
      query    = { name = each.value }
      items    = body.data
      save     = { ids = items[*].id }
{{- if .ListGone }}
      gone     = [404]
{{- end }}
    }
    for_each = flatten(saved.ids)
    get      = "{{ .Collection }}/${each.value}"
    query    = { name = key.name }
    items    = [body]
    gone     = [404]
    item     = { {{ .Item }} }
{{- else }}
    get   = "{{ .Collection }}"
{{- if .UniqueEnds }}
    items = [for one in body.data : one if has_unique_end(one.expires_at, key.name)]
    item  = { {{ .Item }}, name = key.name }
{{- else }}
    query = { name = key.name }
    items = body.data
    item  = { {{ .Item }} }
{{- end }}
{{- end }}
{{- if .Past }}
    skip  = item.revoked_at != null
{{- end }}
  }
{{- end }}
{{- if .Extend }}
  extend {
{{- if .Looks }}
    step "now" {
      when = key.expires_at != null
      get  = "{{ .Place }}/keys/${key.id}"
      gone = [404]
      save = { settings = body }
    }
    step "end" {
      patch = "{{ .Place }}/keys/${key.id}"
      json  = merge(saved.settings, { expires_at = {{ .End }} })
      gone  = [404]
    }
{{- else }}
    patch = "{{ .Place }}/keys/${key.id}"
    json  = { expires_at = {{ .End }} }
    gone  = [404]
{{- end }}
{{- if .Seconds }}
    expires_in = body.expires_in
{{- else }}
    expires_at = body.expires_at
{{- end }}
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
{{- if .RetireSteps }}
    retire {
      step "look" {
        get   = "/v1/admin-keys/${saved.old_id}"
        looks = true
        gone  = [404]
        save  = { ids = [body.id] }
      }
      step "end" {
        when     = length(saved.ids) > 0
        for_each = saved.ids
        delete   = "/v1/admin-keys/${each.value}"
        gone     = [404]
      }
    }
{{- else }}
    retire {
      delete = "/v1/admin-keys/${saved.old_id}"
      gone   = [404]
    }
{{- end }}
    {{ if .AdminLookup }}lookup{{ else }}list{{ end }} {
      get   = "/v1/admin-keys"
{{- if .AdminLookup }}
      query = { name = key.name }
{{- end }}
      items = body.data
      item  = { name = item.name, old_id = item.id }
    }
{{- template "ends keys" . }}
  }
{{- else if eq .Rotation "candidate" }}
  rotate {
    candidate  = { admin_key = "{{ .Mark }}${random_password(24)}" }
    put        = "/v1/admin-keys/self/key"
    json       = { key = candidate.admin_key }
    connection = { admin_key = candidate.admin_key }
{{- template "ends keys" . }}
  }
{{- else if eq .Rotation "in place" }}
  rotate {
    post       = "/v1/admin-keys/self/roll"
    connection = { admin_key = body.key }
{{- template "ends keys" . }}
  }
{{- end }}
  key_name {
{{- if .ShortNames }}
    max_length = 24
    characters = "a-z0-9"
{{- else }}
{{- if .LongNames }}
    min_length = 60
{{- end }}
    max_length = 64
    characters = "A-Za-z0-9._-"
{{- end }}
  }
{{- if .Fixed }}
  expiry { fixed = "{{ .Fixed }}" }
{{- else if and .Expiry (not .UniqueEnds) }}
  expiry { granularity = "{{ if .Rounds }}{{ .Rounds }}{{ else }}1s{{ end }}" }
{{- end }}
{{- if .Rate }}
  limits { requests_per_second = {{ .Rate }} }
{{- end }}
{{ template "errors" . }}
}
`))

// definition writes the HCL text that fits the traits. A revision makes another
// document of the same meaning.
func (t Traits) definition(revision string) string {
	if t.Catalog != "" {
		built, err := providers.Load(t.Catalog)
		if err != nil {
			panic("simulation: loading a definition of the catalog: " + err.Error())
		}
		return built.Source() + "# " + revision + "\n"
	}
	place, collection := "/v1", "/v1/keys"
	switch {
	case t.Steps:
		collection = "/v1/accounts"
	case t.Projects:
		place = "/v1/projects/${role.project}"
		collection = place + "/keys"
	}
	var text strings.Builder
	err := definitionText.Execute(&text, struct {
		Traits
		Name, Revision, Place, Collection, Item, Wanted, End, Mark string
	}{t, providerName, revision, place, collection, t.item(), t.wanted(), t.movedEnd(), secretMark})
	if err != nil {
		panic("simulation: writing a definition: " + err.Error())
	}
	return text.String()
}

// item says how one key of a list is read.
func (t Traits) item() string {
	item := "id = item.id, name = item.name"
	switch {
	case t.IDsOnly:
		item = "id = item.id, name = item.id" // the id is the name
	case t.Unnamed:
		item = "id = item.id"
	}
	if !t.NoDates {
		item += ", created_at = item.created_at"
	}
	if t.Sealed && !t.Steps {
		// Those who can list a key see its value, at such providers.
		item += ", secret = { api_key = item.key }"
	}
	if t.Grants {
		item += ", grant_ids = item.grant_ids"
	}
	if t.TellsEnds {
		item += ", expires_at = item.expires_at"
	}
	return item
}

// movedEnd is the end that a key is given as it is extended.
func (t Traits) movedEnd() string {
	if t.UniqueEnds {
		return "unique_end(key.expires_at, key.name)"
	}
	return "rfc3339(key.expires_at)"
}

// wanted is what the request for a key says of it.
func (t Traits) wanted() string {
	wanted := "name = key.name"
	switch {
	case t.UniqueEnds:
		wanted += `, expires_at = unique_end(coalesce(key.expires_at, timeadd(now(), "8760h")), key.name)`
	case t.Expiry && t.Fixed == 0:
		wanted += ", expires_at = rfc3339(key.expires_at)"
	}
	if t.Chosen {
		wanted += ", key = candidate.api_key"
	}
	if t.Granted {
		wanted += ", scopes = role.scopes"
	}
	if t.Limits {
		wanted += ", limited = role.limited"
	}
	switch {
	case t.BoundBy != "":
		wanted += ", cidrs = " + t.BoundBy + ".addresses"
	case t.Bound:
		wanted += ", cidrs = key.cidrs"
	}
	if t.Derived {
		wanted += ", passphrase = derived_password(key.name, 32)"
	}
	return wanted
}

// besideText is the text of a definition of what the same account has beside keys: the admin
// credential is such a one as there, and errors are told as everywhere.
func besideText(text string) *template.Template {
	return template.Must(template.Must(definitionText.Clone()).Parse(text))
}

// beside writes such a definition.
func (t Traits) beside(text *template.Template) string {
	var written strings.Builder
	if err := text.Execute(&written, t); err != nil {
		panic("simulation: writing a definition: " + err.Error())
	}
	return written.String()
}

// sharedName is the name of the definition whose one credential everybody shares.
const sharedName = "simulated-shared"

// sharedText is a definition of such a credential: each new one ends the one before.
var sharedText = besideText(`
provider "` + sharedName + `" {
  title = "Simulated applications"
{{ template "admin" . }}
  role "application" {
    type     = string
    required = true
    help     = "Whose secret it is."
  }
  issue {
    in_place = true
    post     = "/v1/applications/${role.application}/secret"
    json     = { name = key.name }
    id       = role.application
    secret   = { api_key = body.key }
  }
  revoke {
    delete = "/v1/applications/${key.id}/secret"
    gone   = [404]
  }
{{ template "errors" . }}
}
`)

// usersName is the name of the definition whose ids roles give.
const usersName = "simulated-users"

// usersText is a definition of users, each of which has the name that its role gives. People
// make such users, too.
var usersText = besideText(`
provider "` + usersName + `" {
  title = "Simulated users"
{{ template "admin" . }}
  role "user" {
    type     = string
    required = true
    help     = "The name of the user."
  }
  issue {
    put    = "/v1/users/${role.user}"
    json   = { name = key.name }
    id     = role.user
    secret = { api_key = body.key }
  }
  revoke {
    delete = "/v1/users/${key.id}"
    gone   = [404]
  }
{{ template "errors" . }}
}
`)
