package providers_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

// What an author is told of a mistake, with the place and a caret.
func ExampleParse() {
	_, err := providers.Parse("acme.hcl", []byte(`provider "acme" {
  base_url = "https://api.acme.example"
  auth "bearer" { token = connection.admin_kye }

  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
    help      = "Admin key."
  }
  issue {
    post   = "/keys"
    json   = { name = key.name }
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke { delete = "/keys/${key.id}" }
}
`))
	fmt.Println(err)
	// Output:
	// Error: unknown connection field
	//   acme.hcl line 3:
	//     3:   auth "bearer" { token = connection.admin_kye }
	//                                             ^^^^^^^^^
	//   There is no connection field "admin_kye"; did you mean "admin_key"?
}

// A key's life at a provider, without an engine: who uses the client by itself
// has to remember the handle, and to look for the key where the outcome of Issue
// is unknown.
func ExampleClient() {
	box := sandbox.New(sandbox.Options{})
	web := httptest.NewServer(box)
	defer web.Close()

	definition, err := providers.Load("sandbox")
	if err != nil {
		log.Fatal(err)
	}
	client, err := providers.NewClient(definition, providers.Settings{
		BaseURL: web.URL,
		Values:  providers.Values{"admin_key": box.AdminKey()},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	ctx := context.Background()
	key, err := client.Issue(ctx, providers.KeyRequest{
		Name:      "ci-1",
		Role:      providers.Values{"scopes": []any{"read"}},
		TTL:       time.Hour,
		ExpiresAt: time.Now().Add(time.Hour),
	})
	if err != nil {
		log.Fatal(providers.KindOf(err) == providers.Unknown, err)
	}
	fmt.Println("made", key.Handle.Name, "which is handed out as", len(key.Secret), "field")
	if err := client.Revoke(ctx, key.Handle); err != nil {
		log.Fatal(err)
	}
	fmt.Println("alive at the provider:", len(box.LiveKeys()))
	// Output:
	// made ci-1 which is handed out as 1 field
	// alive at the provider: 0
}
