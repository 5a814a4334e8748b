package providers

import (
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"strings"
)

// pemBlock is one block, however its lines are broken.
var pemBlock = regexp.MustCompile(`-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END ([A-Z0-9 ]+)-----`)

// plainPEM is a text in PEM as it was meant: environment files and JSON leave \n
// for its line ends, or spaces, or quotes around it; YAML indents it; some tools
// wrap the whole in base64. Anything else is returned as it is.
func plainPEM(text string) string {
	plain := strings.Trim(strings.TrimSpace(text), `"'`)
	if decoded, err := base64.StdEncoding.DecodeString(withoutSpace(plain)); err == nil && strings.Contains(string(decoded), "-----BEGIN ") {
		plain = string(decoded)
	}
	if !strings.Contains(plain, "-----BEGIN ") {
		return text
	}
	plain = strings.NewReplacer(`\r\n`, "\n", `\n`, "\n", `\r`, "\n").Replace(plain)
	return pemBlock.ReplaceAllStringFunc(plain, func(block string) string {
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

// withoutSpace drops blanks and line ends.
func withoutSpace(text string) string { return strings.Join(strings.Fields(text), "") }
