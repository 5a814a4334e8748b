package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"vault-plugin-secrets-apikeys/providers"
)

type formatCommand struct {
	Files []string `arg:"" name:"file" help:"Definitions to rewrite in place; - is standard input, answered on standard output."`
	Check bool     `help:"Rewrite nothing; name the files that are laid out otherwise, and fail if there are any."`
}

func (c *formatCommand) Run(out io.Writer) error {
	odd := false
	for _, file := range c.Files {
		source, err := readSource(file)
		if err != nil {
			return err
		}
		if err := canBeLaidOut(file, source); err != nil {
			return err
		}
		laidOut := hclwrite.Format(source)
		switch {
		case file == "-" && !c.Check:
			if _, err := out.Write(laidOut); err != nil {
				return err
			}
			continue
		case bytes.Equal(source, laidOut):
			continue
		}
		odd = true
		fmt.Fprintln(out, file)
		if !c.Check {
			if err := rewrite(file, laidOut); err != nil {
				return err
			}
		}
	}
	if odd && c.Check {
		return errSilent
	}
	return nil
}

// canBeLaidOut refuses what is no HCL, which would be laid out by guesswork, and what is
// cut off where it was too long to read.
func canBeLaidOut(file string, source []byte) error {
	if len(source) > providers.LongestDefinition {
		return fmt.Errorf("%s is not laid out: a definition may have at most %d KiB", file, providers.LongestDefinition>>10)
	}
	_, found := hclsyntax.ParseConfig(source, file, hcl.InitialPos)
	if !found.HasErrors() {
		return nil
	}
	if _, err := providers.Parse(file, source); err != nil {
		return err // the same, told as check tells it
	}
	return found
}

// rewrite replaces a file's contents and keeps its mode.
func rewrite(file string, contents []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, contents, info.Mode().Perm())
}
