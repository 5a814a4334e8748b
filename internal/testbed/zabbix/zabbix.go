package zabbix

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Options say how Zabbix is to be run. All are required.
type Options struct {
	Root     string // the folder into which Debian's packages are unpacked
	Dir      string // an empty folder for the pages and the log
	Database string // host:port of a PostgreSQL that trusts the user postgres
	Name     string // of an empty database there
}

// Server is one Zabbix frontend.
type Server struct {
	URL   string // http://127.0.0.1:port
	Token string // an API token of the administrator

	daemon *daemon.Daemon
}

// Start makes Zabbix's tables, serves its frontend, and waits until that answers. When
// it fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Server, error) {
	addresses, err := daemon.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + addresses[0]}
	pages, err := writePages(options)
	if err != nil {
		return nil, err
	}
	php, err := php(options)
	if err != nil {
		return nil, err
	}
	if said, err := php(ctx, "-r", makeTables(options)).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("making Zabbix's tables: %w: %s", err, said)
	}
	serve := php(context.Background(), "-S", addresses[0], "-t", pages) // it outlives its start
	serve.Env = append(serve.Env, "PHP_CLI_SERVER_WORKERS=8")
	if s.daemon, err = daemon.Start(ctx, serve, filepath.Join(options.Dir, "zabbix.log"), daemon.Listens(addresses[0])); err != nil {
		return nil, err
	}
	if s.Token, err = s.makeToken(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("making a token of Zabbix's administrator: %w; its log:\n%s", err, s.daemon.Log())
	}
	return s, nil
}

// Close ends the frontend.
func (s *Server) Close() { s.daemon.Close() }

// extensions are the parts of PHP that Debian packages apart and Zabbix needs.
var extensions = []string{"bcmath", "ctype", "dom", "gd", "gettext", "mbstring", "pgsql", "simplexml", "sockets", "xml", "xmlreader", "xmlwriter"}

// php returns what makes PHP's command lines. PHP and its extensions are among the
// packages, except for those that the machine has installed.
func php(options Options) (func(ctx context.Context, args ...string) *exec.Cmd, error) {
	program, err := find(options.Root, "usr/bin/php8.2")
	if err != nil {
		return nil, err
	}
	settings := []string{"-n", "-d", "date.timezone=UTC", "-d", "memory_limit=256M"}
	for _, name := range extensions {
		library, err := find(options.Root, "usr/lib/php/*/"+name+".so")
		if err != nil {
			return nil, err
		}
		settings = append(settings, "-d", "extension="+library)
	}
	opcache, err := find(options.Root, "usr/lib/php/*/opcache.so")
	if err != nil {
		return nil, err
	}
	// Compiled anew, the frontend's hundreds of files cost more than what they do.
	settings = append(settings, "-d", "zend_extension="+opcache, "-d", "opcache.enable_cli=1", "-d", "opcache.validate_timestamps=0")
	env := append(daemon.Environ("PHP", "LD_LIBRARY_PATH="), "LD_LIBRARY_PATH="+strings.Join(daemon.Libraries(options.Root), ":"))
	return func(ctx context.Context, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, program, append(append([]string{}, settings...), args...)...)
		cmd.Env = env
		return cmd
	}, nil
}

// find finds a file of the packages, below the folder or where the machine has it.
func find(root, pattern string) (string, error) {
	for _, root := range []string{root, "/"} {
		if found, err := filepath.Glob(filepath.Join(root, pattern)); err == nil && len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("there is no %s below %s", pattern, root)
}

const configuration = `<?php
$DB['TYPE'] = 'POSTGRESQL';
$DB['SERVER'] = '%s';
$DB['PORT'] = '%s';
$DB['DATABASE'] = '%s';
$DB['USER'] = 'postgres';
$DB['PASSWORD'] = $DB['SCHEMA'] = $DB['KEY_FILE'] = $DB['CERT_FILE'] = $DB['CA_FILE'] = $DB['CIPHER_LIST'] = '';
$DB['ENCRYPTION'] = $DB['VERIFY_HOST'] = false;
$DB['VAULT_URL'] = $DB['VAULT_DB_PATH'] = $DB['VAULT_TOKEN'] = '';
$DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER_NAME = '';
$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
`

// writePages copies the frontend, and has it read its configuration beside itself:
// Debian's looks below /etc.
func writePages(options Options) (string, error) {
	pages := filepath.Join(options.Dir, "pages")
	if err := os.CopyFS(pages, os.DirFS(filepath.Join(options.Root, "usr", "share", "zabbix"))); err != nil {
		return "", err
	}
	config := filepath.Join(options.Dir, "zabbix.conf.php")
	host, port, _ := strings.Cut(options.Database, ":")
	if err := os.WriteFile(config, fmt.Appendf(nil, configuration, host, port, options.Name), 0o600); err != nil {
		return "", err
	}
	reader := filepath.Join(pages, "include", "classes", "core", "CConfigFile.php")
	text, err := os.ReadFile(reader)
	if err != nil {
		return "", err
	}
	const place = "'/etc/zabbix/zabbix.conf.php'"
	if strings.Count(string(text), place) != 1 {
		return "", fmt.Errorf("%s does not say where the configuration is", reader)
	}
	return pages, os.WriteFile(reader, []byte(strings.Replace(string(text), place, "'"+config+"'", 1)), 0o600)
}

// makeTables is the PHP that makes the tables, and of what comes with them only the
// users and what they may do: the templates of things to watch are 30 MB.
func makeTables(options Options) string {
	host, port, _ := strings.Cut(options.Database, ":")
	return fmt.Sprintf(`
$db = pg_connect("host=%s port=%s dbname=%s user=postgres") or exit(1);
$read = fn($name) => gzfile("%s/usr/share/zabbix-server-pgsql/$name.sql.gz");
$wanted = preg_grep('/^INSERT INTO (role|role_rule|users|usrgrp|users_groups|config) /', $read("data"));
pg_query($db, implode("", $read("schema"))) or exit(1);
pg_query($db, "SET session_replication_role = replica;" . implode("", $wanted)) or exit(1);
`, host, port, options.Name, options.Root)
}

// makeToken signs in as the administrator that comes with the tables.
func (s *Server) makeToken(ctx context.Context) (string, error) {
	var session string
	if err := s.call(ctx, "", "user.login", map[string]any{"username": "Admin", "password": "zabbix"}, &session); err != nil {
		return "", err
	}
	var made struct{ TokenIDs []string }
	if err := s.call(ctx, session, "token.create", map[string]any{"name": "the first"}, &made); err != nil {
		return "", err
	}
	var generated []struct{ Token string }
	if err := s.call(ctx, session, "token.generate", made.TokenIDs, &generated); err != nil {
		return "", err
	}
	return generated[0].Token, nil
}

// call calls a method of the API; into gets its result.
func (s *Server) call(ctx context.Context, token, method string, params, into any) error {
	request := map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
	if token != "" {
		request["auth"] = token
	}
	answer := struct {
		Result any
		Error  *struct{ Data string }
	}{Result: into}
	if err := daemon.Call(ctx, "POST", s.URL+"/api_jsonrpc.php", request, &answer, 200); err != nil {
		return err
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %s", method, answer.Error.Data)
	}
	return nil
}
