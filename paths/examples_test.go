package paths_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// TestExamplesOfPagesAreTaken pastes the commands of each page of docs/providers into a
// shell: the connection and the role that they write are taken as they stand there. That
// keys can be made with these values is what the page's exchanges and contract cases
// show, from which they are. The provider itself is not there to be asked, so that the
// connection is not verified.
func TestExamplesOfPagesAreTaken(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join("..", "docs", "providers", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	m := newMount(t)
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		if name == "README" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			written, read := 0, ""
			for _, arguments := range pasted(t, string(text)) {
				switch operation, path, input := arguments[0], strings.TrimPrefix(arguments[1], "apikeys/"), valuesOf(arguments[2:]); operation {
				case "write":
					if strings.HasPrefix(path, "config/") {
						input["verify_connection"], input["proxy_url"] = false, "http://127.0.0.1:1" // nothing listens there
					}
					resp, err := m.send(logical.UpdateOperation, path, input)
					// A static role has its credential made as it is written.
					if err := errors.Join(err, refusalIn(resp)); err != nil && !(strings.HasPrefix(path, "static-roles/") && strings.Contains(err.Error(), "cannot be reached")) {
						t.Fatalf("%v: %v", arguments, err)
					}
					written++
				case "read":
					read = path
				}
			}
			if written != 2 || !strings.HasSuffix(read, "creds/app") {
				t.Errorf("the page writes %d things and reads %q: want a connection, a role, and its credential", written, read)
			}
			m.must(logical.DeleteOperation, strings.Replace(read, "creds", "roles", 1), nil)
			m.must(logical.DeleteOperation, "config/"+name, nil)
		})
	}
}

func refusalIn(resp *logical.Response) error {
	if resp.IsError() {
		return resp.Error()
	}
	return nil
}

var (
	commands = regexp.MustCompile("(?s)```sh\n(.*?)```")
	variable = regexp.MustCompile(`\$([A-Z0-9_]+)`)
)

// pasted are the arguments of each call of vault that a shell makes of a page's commands.
func pasted(t *testing.T, page string) (calls [][]string) {
	t.Helper()
	block := commands.FindStringSubmatch(page)
	if block == nil {
		t.Fatal("the page has no commands")
	}
	shell := exec.CommandContext(t.Context(), "sh", "-euc", `vault() { printf '%s\0' "$@"; printf '\1'; }`+"\n"+block[1])
	for _, name := range variable.FindAllStringSubmatch(block[1], -1) {
		shell.Env = append(shell.Env, name[1]+"="+secretCalled(name[1]))
	}
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, call := range strings.Split(strings.TrimSuffix(string(out), "\x01"), "\x01") {
		calls = append(calls, strings.Split(strings.TrimSuffix(call, "\x00"), "\x00"))
	}
	return calls
}

// secretCalled is what an operator has in a variable of this name.
func secretCalled(name string) string {
	switch {
	case strings.HasSuffix(name, "_BASE_URL"):
		return "https://provider.example"
	case strings.HasSuffix(name, "_PRIVATE_KEY"):
		return operatorsKey()
	case strings.HasSuffix(name, "_CREDENTIALS"): // a service account's file
		file, err := json.Marshal(map[string]string{"client_email": "vault@acme.example", "private_key": operatorsKey(), "private_key_id": "1"})
		if err != nil {
			panic(err)
		}
		return string(file)
	}
	return "operators.secret"
}

// operatorsKey is a private key in PEM.
var operatorsKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
})

// valuesOf are what the command-line tool sends for its arguments.
func valuesOf(arguments []string) data {
	input := data{}
	for _, argument := range arguments {
		name, value, _ := strings.Cut(argument, "=")
		input[name] = value
	}
	return input
}
