package test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// rooms are the packages of which every exported name has to say what it means.
var rooms = []string{"../backend", "../paths", "../providers"}

// speaksForItself are the methods whose meaning their interface states.
var speaksForItself = map[string]bool{
	"Error": true, "Unwrap": true, "Is": true,
	"Len": true, "Less": true, "Swap": true, "Push": true, "Pop": true,
	"MarshalJSON": true, "UnmarshalJSON": true,
}

// TestExportedNamesSayWhatTheyMean: exported functions, types, constants, variables
// and fields have a comment, with units, zero values and errors where there are any.
// A comment above a group speaks for the group; that of a field for those below that
// it names.
func TestExportedNamesSayWhatTheyMean(t *testing.T) {
	files := 0
	for _, room := range rooms {
		err := filepath.WalkDir(room, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files++
			for _, silent := range undocumented(t, path) {
				t.Error(silent)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files == 0 {
		t.Fatal("no file was read")
	}
}

// undocumented are the exported names of a file that have no comment.
func undocumented(t *testing.T, path string) (found []string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(name *ast.Ident, comments ...*ast.CommentGroup) {
		if !name.IsExported() {
			return
		}
		for _, one := range comments {
			if strings.TrimSpace(one.Text()) != "" {
				return
			}
		}
		found = append(found, fmt.Sprintf("%s: %s has no comment", files.Position(name.Pos()), name.Name))
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Recv == nil || !speaksForItself[decl.Name.Name] {
				ask(decl.Name, decl.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					ask(spec.Name, decl.Doc, spec.Doc, spec.Comment)
					askFields(spec, ask)
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						ask(name, decl.Doc, spec.Doc, spec.Comment)
					}
				}
			}
		}
	}
	return found
}

// askFields asks for the fields and methods of an exported type. What is embedded
// speaks for itself, and a comment for every field below it that it names.
func askFields(spec *ast.TypeSpec, ask func(*ast.Ident, ...*ast.CommentGroup)) {
	if !spec.Name.IsExported() {
		return
	}
	var members *ast.FieldList
	switch of := spec.Type.(type) {
	case *ast.StructType:
		members = of.Fields
	case *ast.InterfaceType:
		members = of.Methods
	default:
		return
	}
	var above *ast.CommentGroup
	for _, field := range members.List {
		if field.Doc != nil {
			above = field.Doc
		}
		for _, name := range field.Names {
			if field.Doc != nil || !names(above, name.Name) {
				ask(name, field.Doc, field.Comment)
			}
		}
	}
}

// names reports whether a comment names a field.
func names(comment *ast.CommentGroup, field string) bool {
	return slices.Contains(strings.FieldsFunc(comment.Text(), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), field)
}
