package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTryEndsNothingShared: a credential that everybody shares is not replaced to be
// tried.
func TestTryEndsNothingShared(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shared.hcl")
	source := `provider "shared" {
  connection "admin_key" { sensitive = true }
  role "application" { required = true }
  auth "bearer" { token = connection.admin_key }
  issue {
    in_place = true
    post     = "/applications/${role.application}/secret"
    id       = role.application
    secret   = { client_secret = body.secret }
  }
  revoke { delete = "/applications/${key.id}/secret" }
}`
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	err := (&tryCommand{Definition: file}).Run(t.Context(), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "would end that for them") {
		t.Errorf("trying it answers %v", err)
	}
}
