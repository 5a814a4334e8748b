// Command apikeys is the tool of those who write provider definitions: it
// writes a first one from a provider's OpenAPI document, checks, formats and
// explains one, holds it against what its provider says, and tries it with a whole
// life of a key at a live account. It needs no Vault.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"vault-plugin-secrets-apikeys/providers"
)

// commands is the command line.
type commands struct {
	New   newCommand    `cmd:"" help:"Write a first definition, from a provider's OpenAPI document."`
	Check checkCommand  `cmd:"" help:"Tell every mistake in definitions, without calling anybody."`
	Fmt   formatCommand `cmd:"" help:"Rewrite definitions in the canonical layout."`
	Show  showCommand   `cmd:"" help:"Show what a definition takes, what the engine can do with it, and every request that it makes."`
	Test  testCommand   `cmd:"" help:"Hold a definition against exchanges from its provider's documentation, and against its OpenAPI document, without calling anybody."`
	Try   tryCommand    `cmd:"" help:"Take a key through its whole life at a live account, and clean up."`
}

// errSilent ends the command with a failure that has been told already.
var errSilent = errors.New("")

func main() {
	// The HTTP library quotes there what a provider sends beyond an answer, as the
	// body of a 204, which may be a key.
	log.SetOutput(io.Discard)
	// A reader of the output that goes away ends a command no other way than a terminal
	// that does: what it made at a provider is cleared up first.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// statusOf tells what a command failed by: mistakes of a definition as check does.
func statusOf(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSilent):
	case providers.Diagnostics(err) != nil:
		fmt.Fprintln(stderr, providers.Mistakes(err))
	default:
		fmt.Fprintln(stderr, "apikeys: error:", err)
	}
	return 1
}

// run carries a command line out and answers the exit status: 0 when all is
// well, 1 when something is wrong with the definition or its provider, 2 when
// the command line cannot be read.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var line commands
	status := -1
	parser, err := kong.New(&line,
		kong.Name("apikeys"),
		kong.Description("The author's tool for provider definitions."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { status = code }),
		kong.UsageOnError())
	if err != nil {
		panic("apikeys: the command line is described wrongly: " + err.Error())
	}
	parsed, err := parser.Parse(args)
	if status >= 0 {
		return status // --help has been answered
	}
	if err != nil {
		parser.Errorf("%s", err)
		return 2
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.BindTo(stdout, (*io.Writer)(nil))
	return statusOf(parsed.Run(), stderr)
}
