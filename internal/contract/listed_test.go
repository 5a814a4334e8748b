package contract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/providers"
)

const listingDefinition = `provider "listing" {
  base_url = "https://listing.example"
  connection "admin_key" {
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.admin_key }
  check { get = "/me" }
  issue {
    post   = "/keys"
    json   = { name = key.name }
    id     = body.id
    secret = { api_key = body.key }
    save   = { owner = body.owner }
  }
  revoke {
    delete = "/owners/${saved.owner}/keys/${key.id}"
    gone   = [404]
  }
  list {
    get   = "/keys"
    items = body.data
    item = {
      id           = item.id
      name         = item.name
      created_at   = item.created
      last_used_at = item.used
      expires_at   = item.ends
      owner        = item.owner
    }
  }
}`

const listingExchange = `exchange "a list" {
  source     = "made up"
  connection = { admin_key = "admin" }
  step "check" {
    trip {
      request = "GET /me"
      status  = 200
    }
  }
  step "issue" {
    key { name = "a" }
    id     = "1"
    secret = { api_key = "s3cret" }
    trip {
      request = "POST /keys"
      json    = { name = "a" }
      status  = 201
      answer  = { id = 1, key = "s3cret", owner = "o" }
    }
  }
  step "list" {
    EXPECTED
    trip {
      request = "GET /keys"
      status  = 200
      answer  = { data = [{ id = 1, name = "a", owner = "o", created = "2030-11-22T10:00:00.5Z" USED }] }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /owners/o/keys/1"
      status  = 204
    }
  }
}`

// TestListedKeysAreHeldWhole: an exchange says all that is read of a listed key, and each
// other reading is told.
func TestListedKeysAreHeldWhole(t *testing.T) {
	d, err := providers.Parse("listing.hcl", []byte(listingDefinition))
	if err != nil {
		t.Fatal(err)
	}
	item := func(more string) string {
		return "item \"1\" {\nname = \"a\"\ncreated_at = \"2030-11-22T11:00:00.5+01:00\"\nsaved = { owner = \"o\" }\n" + more + "\n}"
	}
	for name, test := range map[string]struct{ expected, used, told string }{
		"a use":                     {item(`last_used_at = "2030-11-22T10:05:00Z"`), `, used = 1921572300`, ""},
		"a use in a zone":           {item(`last_used_at = "2030-11-22T10:05:00Z"`), `, used = "2030-11-22T11:05:00+01:00"`, ""},
		"another use":               {item(`last_used_at = "2030-11-22T10:05:00Z"`), `, used = 1921572301`, `last_used_at is "2030-11-22T10:05:01Z", not "2030-11-22T10:05:00Z"`},
		"a use that is left out":    {item(""), `, used = 1921572300`, `last_used_at is "2030-11-22T10:05:00Z", not ""`},
		"never":                     {item(`last_used_at = "never"`), `, used = null`, ""},
		"never, empty":              {item(`last_used_at = "never"`), `, used = ""`, ""},
		"never, 0":                  {item(`last_used_at = "never"`), `, used = 0`, ""},
		"never, the year 1":         {item(`last_used_at = "never"`), `, used = "0001-01-01T00:00:00Z"`, ""},
		"not told":                  {item(""), "", ""},
		"not told in a way we read": {item(""), `, used = "yesterday"`, ""},
		"not told, so not never":    {item(`last_used_at = "never"`), "", `last_used_at is "", not "never"`},
		"told, and left out":        {item(""), `, used = null`, `last_used_at is "never", not ""`},
		"no time at all":            {item(`last_used_at = "soon"`), `, used = null`, `last_used_at is "never", not "soon"`},
		"an end":                    {item(`expires_at = "2030-11-22T11:00:00Z"`), `, ends = "2030-11-22T12:00:00+01:00"`, ""},
		"an end in milliseconds":    {item(`expires_at = "2030-11-22T11:00:00Z"`), `, ends = 1921575600000`, ""},
		"another end":               {item(`expires_at = "2030-11-22T11:00:00Z"`), `, ends = 1921575601`, `expires_at is "2030-11-22T11:00:01Z", not "2030-11-22T11:00:00Z"`},
		"an end that is left out":   {item(""), `, ends = 1921575600`, `expires_at is "2030-11-22T11:00:00Z", not ""`},
		"no end":                    {item(""), `, ends = null`, ""},
		"no end, 0":                 {item(""), `, ends = 0`, ""},
		"no end, and one expected":  {item(`expires_at = "2030-11-22T11:00:00Z"`), `, ends = 0`, `expires_at is "", not "2030-11-22T11:00:00Z"`},
		"another name":              {strings.Replace(item(""), `"a"`, `"b"`, 1), "", `name is "a", not "b"`},
		"another birth":             {strings.Replace(item(""), "11:00:00.5", "11:00:00", 1), "", `created_at is "2030-11-22T10:00:00.5Z"`},
		"another owner":             {strings.Replace(item(""), `"o"`, `"p"`, 1), "", "saved is"},
		"another id":                {strings.Replace(item(""), `item "1"`, `item "2"`, 1), "", "the ids are"},
		"ids alone":                 {`ids = ["1"]`, `, used = null`, ""},
		"both":                      {`ids = ["1"]` + "\n" + item(""), "", "write either ids"},
	} {
		t.Run(name, func(t *testing.T) {
			place := filepath.Join(t.TempDir(), "listing.exchanges.hcl")
			text := strings.NewReplacer("EXPECTED", test.expected, " USED", test.used).Replace(listingExchange)
			if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			exchanges, err := ReadExchanges(place)
			if err != nil {
				t.Fatal(err)
			}
			told := strings.Join(Replay(t.Context(), d, exchanges[0], nil), "\n")
			if (told == "") != (test.told == "") || !strings.Contains(told, test.told) {
				t.Errorf("it says %q, not %q", told, test.told)
			}
		})
	}
}

// TestLastUseIsHeldByADocument: what is read under a name that the document does not have is
// told.
func TestLastUseIsHeldByADocument(t *testing.T) {
	document, err := ReadDocument(filepath.Join("testdata", "rotation.json"))
	if err != nil {
		t.Fatal(err)
	}
	for read, want := range map[string]string{
		"item.last_used_at":       "",
		"item.lastUsed":           "item.last_used_at reads no time",
		"try(item.nothing, null)": "item.last_used_at reads no time",
	} {
		source := strings.Replace(rotatingDefinition, "item  = { id = item.id, name = item.name }", "item  = { id = item.id, name = item.name, last_used_at = "+read+" }", 1)
		d, err := providers.Parse("rotating.hcl", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		told := strings.Join(Hold(t.Context(), d, rotatingCase(), document), "\n")
		if (told == "") != (want == "") || !strings.Contains(told, want) {
			t.Errorf("%s: it says %q, not %q", read, told, want)
		}
	}
}
