package expr

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"regexp"
	"strings"
	"unicode"
)

// pemBlock is one block, however its lines are broken, with what sets it apart from the
// next.
var pemBlock = regexp.MustCompile(`-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END ([A-Z0-9 ]+)-----\s*`)

var lineEnds = strings.NewReplacer(`\r\n`, "\n", `\n`, "\n", `\r`, "\n")

// PlainPEM is a text in PEM as it was meant: environment files and JSON leave \n
// for its line ends, or spaces, or quotes around it; YAML indents it; some tools
// wrap the whole in base64. Anything else is returned as it is.
func PlainPEM(text string) string {
	plain := unwrapped(text)
	if decoded, err := base64.StdEncoding.DecodeString(withoutSpace(plain)); err == nil && strings.Contains(string(decoded), "-----BEGIN ") {
		plain = string(decoded)
	}
	if !strings.Contains(plain, "-----BEGIN ") {
		return text
	}
	return pemBlock.ReplaceAllStringFunc(unwrapped(lineEnds.Replace(plain)), func(block string) string {
		parts := pemBlock.FindStringSubmatch(block)
		if block, _ := pem.Decode([]byte(block)); block != nil || strings.Contains(parts[2], ":") {
			return strings.TrimSpace(parts[0]) + "\n" // it is well formed, or has headers
		}
		inside, err := base64.StdEncoding.DecodeString(withoutSpace(parts[2]))
		if err != nil {
			return parts[0]
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: parts[1], Bytes: inside}))
	})
}

// unwrapped is a text without the blanks, line ends and quotes around it.
func unwrapped(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '\'' })
}

// withoutSpace drops blanks and line ends.
func withoutSpace(text string) string { return strings.Join(strings.Fields(text), "") }

// ParsePrivateKey reads a private key in PEM: PKCS #8, PKCS #1 or SEC 1. Its
// errors quote nothing.
func ParsePrivateKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode([]byte(PlainPEM(string(text))))
	if block == nil {
		if der, err := base64.StdEncoding.DecodeString(withoutSpace(string(text))); err == nil {
			block = &pem.Block{Bytes: der} // what stands between the lines of PEM
		}
	}
	if block == nil {
		return nil, errors.New(`key is no private key in PEM, "-----BEGIN PRIVATE KEY-----" and so on`)
	}
	if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("key is protected by a passphrase: give it without")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("key is no private key in PEM: PKCS #8, PKCS #1 and SEC 1 are known")
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return key, nil
	case *ecdsa.PrivateKey:
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, errors.New("key is of a kind that cannot sign: RSA, EC and Ed25519 can")
}

// Encodings write bytes as text, by the names that definitions use; hex where they name
// none.
var Encodings = map[string]func([]byte) string{
	"":          hex.EncodeToString,
	"hex":       hex.EncodeToString,
	"base64":    base64.StdEncoding.EncodeToString,
	"base64url": base64.RawURLEncoding.EncodeToString,
}
