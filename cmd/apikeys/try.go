package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"golang.org/x/term"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

type tryCommand struct {
	Definition string            `arg:"" optional:"" help:"A definition's file, or the name of a built-in provider; with --sandbox it may be left out."`
	Connection map[string]string `short:"c" placeholder:"NAME=VALUE" help:"Fields of the connection, such as -c base_url=https://…; sensitive ones come from the environment or are asked for."`
	Role       map[string]string `short:"r" placeholder:"NAME=VALUE" help:"Fields of the role, such as -r scopes=read."`
	// OutsideScope are requests that the key must be refused.
	OutsideScope []string      `placeholder:"REQUEST" sep:"none" help:"A request that a key of this role must be refused, such as \"POST /v1/keys\"; may be repeated. It is made with the key."`
	TTL          time.Duration `name:"ttl" default:"10m" help:"Life of the key, should nothing else end it."`
	Patience     time.Duration `default:"2m" help:"How long the provider may take until a new key works, and until a revoked one does not."`
	Sandbox      bool          `help:"Try it at a sandbox provider that is started for this."`
}

// Run takes a key through its life. Whatever happens, nothing that it made
// stays at the provider as far as that lets itself be asked.
func (c *tryCommand) Run(ctx context.Context, out io.Writer) error {
	if c.Sandbox {
		close, err := c.startSandbox()
		if err != nil {
			return err
		}
		defer close()
	}
	if c.Definition == "" {
		return errors.New("name a definition's file or a built-in provider, or try --sandbox")
	}
	definition, err := loadDefinition(c.Definition)
	if err != nil {
		return err
	}
	if definition.Capabilities.InPlace {
		return fmt.Errorf("%s has one credential that everybody shares, and trying it would end that for them: write what its provider documents as exchanges, and run apikeys test", definition.Title)
	}
	if err := c.addCredentials(ctx, definition); err != nil {
		return err
	}
	r := &report{out: out}
	r.title(definition.Title + ": one API key, from its mint to its end")
	l, err := newLife(ctx, definition, c, r)
	if err != nil {
		return err
	}
	l.live(ctx)
	l.close(ctx)
	return r.verdict("All of it went as it should, and nothing is left behind.")
}

// startSandbox serves a provider on loopback and has the command try it.
func (c *tryCommand) startSandbox() (close func(), err error) {
	if c.Definition == "" {
		c.Definition = "sandbox"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	provider := sandbox.New(sandbox.Options{})
	web := &http.Server{Handler: provider, ReadHeaderTimeout: 10 * time.Second}
	go web.Serve(listener)
	c.Connection = with(c.Connection, map[string]string{
		"base_url":  "http://" + listener.Addr().String(),
		"admin_key": provider.AdminKey(),
	})
	if len(c.Role) == 0 {
		c.Role = map[string]string{"scopes": "read"}
	}
	if len(c.OutsideScope) == 0 {
		c.OutsideScope = []string{"POST /v1/keys"}
	}
	return func() {
		provider.Close()
		web.Close()
	}, nil
}

// with is the given values, and those of defaults that are not given.
func with(given, defaults map[string]string) map[string]string {
	all := maps.Clone(defaults)
	maps.Copy(all, given)
	return all
}

// addCredentials fills the connection's sensitive fields in. An argument would
// show them to everybody who lists this machine's processes.
func (c *tryCommand) addCredentials(ctx context.Context, d *providers.Definition) error {
	if c.Connection == nil {
		c.Connection = map[string]string{}
	}
	for _, field := range d.Connection {
		if !field.Sensitive || c.Sandbox && c.Connection[field.Name] != "" {
			continue
		}
		variable := providers.Variable(d.Name, field.Name)
		if _, given := c.Connection[field.Name]; given {
			return fmt.Errorf("%s is a credential; give it in the environment as %s, not as an argument", field.Name, variable)
		}
		value, err := credential(ctx, variable, field)
		if err != nil {
			return err
		}
		if value != "" {
			c.Connection[field.Name] = value
		}
	}
	return nil
}

func credential(ctx context.Context, variable string, field *providers.Field) (string, error) {
	if value := os.Getenv(variable); value != "" {
		return value, nil
	}
	stdin := int(os.Stdin.Fd())
	switch {
	case term.IsTerminal(stdin):
		return ask(ctx, stdin, field.Name)
	case field.Required:
		return "", fmt.Errorf("%s is missing: set %s in the environment", field.Name, variable)
	}
	return "", nil
}

// ask reads a credential from a terminal, which does not show it. An interrupt ends
// the question, and has the terminal show what is typed again.
func ask(ctx context.Context, terminal int, name string) (string, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(os.Stderr, "%s (not shown; empty for none): ", name)
	defer fmt.Fprintln(os.Stderr)
	var value []byte
	read := make(chan error, 1)
	go func() {
		var err error
		value, err = term.ReadPassword(terminal)
		read <- err
	}()
	select {
	case err := <-read:
		return string(value), err
	case <-ctx.Done():
		return "", errors.Join(errors.New("interrupted; nothing was made"), term.Restore(terminal, before))
	}
}

// secretsOf are the values that no line may show.
func (c *tryCommand) secretsOf(d *providers.Definition) []string {
	var secrets []string
	for _, field := range d.Connection {
		if value := c.Connection[field.Name]; field.Sensitive && value != "" {
			secrets = append(secrets, value)
		}
	}
	return slices.Clip(secrets)
}
