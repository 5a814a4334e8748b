package gitea_test

import (
	"errors"
	"net/http"
	"os"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/gitea"
)

func TestServerServesItsAdministrator(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs a Gitea, which -short leaves out")
	}
	path, err := build.Gitea(t.Context(), os.Stderr)
	if errors.Is(err, build.ErrNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	gitea, err := gitea.Start(t.Context(), gitea.Options{Gitea: path, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer gitea.Close()

	req, err := http.NewRequest(http.MethodGet, gitea.URL+"/api/v1/admin/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(gitea.Username, gitea.Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the administrator is answered %s", resp.Status)
	}
	gitea.Close()
	if _, err := http.Get(gitea.URL); err == nil {
		t.Error("Gitea answers after its end")
	}
}
