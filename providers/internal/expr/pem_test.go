package expr

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
)

func FuzzPlainPEM(f *testing.F) {
	for _, seed := range []string{"", "-----BEGIN A-----\nAAAA\n-----END A-----", `"-----BEGIN A-----\nAAAA\n-----END A-----"`, "LS0tLS1CRUdJTiBBLS0tLS0=",
		"-----BEGIN 0----------END 0-----0", "-----BEGIN A-----\nAAAA\n-----END A-----\n-----BEGIN B-----\nAAAA\n-----END B-----", "' -----BEGIN A-----"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if plain := PlainPEM(text); PlainPEM(plain) != plain && !strings.Contains(text, `\`) {
			t.Errorf("%q becomes %q, and that another", text, plain)
		}
		_, _ = ParsePrivateKey([]byte(text))
	})
}

// A private key is known in whatever form it survived its way.
func TestPrivateKeyForms(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	lines := strings.TrimSpace(text)
	for name, given := range map[string]string{
		"as it is":             text,
		"CRLF":                 strings.ReplaceAll(text, "\n", "\r\n"),
		"no line end":          lines,
		`\n in one line`:       strings.ReplaceAll(text, "\n", `\n`),
		`\r\n in one line`:     strings.ReplaceAll(text, "\n", `\r\n`),
		"blanks for line ends": strings.ReplaceAll(lines, "\n", " "),
		"no line ends":         strings.ReplaceAll(lines, "\n", ""),
		"quoted":               `"` + strings.ReplaceAll(lines, "\n", `\n`) + `"`,
		"in single quotes":     "'" + lines + "'",
		"indented":             "    " + strings.ReplaceAll(lines, "\n", "\n    "),
		"with tabs":            strings.ReplaceAll(lines, "\n", "\n\t"),
		"base64":               base64.StdEncoding.EncodeToString([]byte(text)),
		"base64 in lines":      base64.StdEncoding.EncodeToString([]byte(text))[:60] + "\n" + base64.StdEncoding.EncodeToString([]byte(text))[60:] + "\n",
		"without its frame":    base64.StdEncoding.EncodeToString(der),
		"after a comment":      "# the key of the app\n" + text,
	} {
		got, err := ParsePrivateKey([]byte(given))
		if err != nil || !key.Equal(got) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
