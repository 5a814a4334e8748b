//go:build !race

package simulation

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/replay"
)

// mutation is a defect put into the engine, in the place of one text that occurs
// once in its file, which is one of backend unless it says otherwise.
type mutation struct{ name, file, old, new string }

// mutations are defects that the simulation has to find: most were in the engine
// once. One whose text is no longer there fails TestMutationsApply.
var mutations = []mutation{
	{"the ledger holds nothing", "holdings.go",
		"e.addCredentials, addRecords, e.addStaticKeys,", "e.addCredentials, e.addStaticKeys,"},
	{"admin credentials hold nothing", "holdings.go",
		"e.addCredentials, addRecords, e.addStaticKeys,", "addRecords, e.addStaticKeys,"},
	// One that only moves a deadline back is no harm by itself: the lease moves back too.
	{"a renewal's deadline comes before the lease's end", "lease.go",
		"to := now.Add(max(ttl+longest+deadlineMargin, left)); to.After(before) {", "to := now.Add(min(ttl/2, ttl+longest+deadlineMargin, max(left, ttl/2))); !to.Equal(before) {"},
	{"a deadline comes before the lease's end", "mint_plan.go",
		"answeredAt.Add(life + o.bound.connection.longestMint() + deadlineMargin)", "answeredAt.Add(life / 2)"},
	{"a record goes whatever the provider says", "revoke.go",
		"	e.tellRevoked(r, err)\n	if err != nil {", "	e.tellRevoked(r, err)\n	if err != nil && false {"},
	{"the ledger forgets at once what cannot be revoked", "revoke.go",
		"		err = e.endAtProvider(ctx, s, r, since)\n", "		err = e.books.ledger.Delete(ctx, s, r)\n"},
	{"the id that an answer tells is believed", "mint.go",
		"err != nil || other != \"\" {", "err != nil && other != \"\" {"},
	{"what a failed call told of is undone, whoever holds it", "shared.go",
		"		return one != nil, nil", "		return one != nil && false, nil"},
	{"a mark is cleared while a mint is in flight", "marks/marks.go",
		"c.Mark == nil || len(c.inFlight) > 0 || ", "c.Mark == nil || "},
	{"a mark whose write failed is believed to be on disk", "marks/marks.go",
		"c.Mark == nil || c.doubtful || !c.Mark.covers", "c.Mark == nil || !c.Mark.covers"},
	{"a mark is written after the provider was asked", "mint.go",
		"	if err := e.beginMint(ctx, s, o, longest); err != nil {\n		return nil, err\n	}\n", "	defer func() { _ = e.beginMint(ctx, s, o, longest) }()\n"},
	{"a key that cannot be entered is left alone", "mint.go",
		"		return errors.Join(err, e.revokeUnrecorded(ctx, s, o, key.Handle))\n", "		e.books.marks.End(o.bound.name, o.request.Name)\n		return err\n"},
	{"a mint of unknown outcome is believed to have made nothing", "mint_failed.go",
		"	return errors.Join(told, e.resolveUnknown(ctx, s, o, refusal))\n", "	e.finishMint(ctx, s, o)\n	return told\n"},
	{"a failed mint is not queued", "mint_failed.go",
		"	if err := e.enqueue(context.WithoutCancel(ctx), s, entry, false); err != nil {\n		return err\n	}\n	e.books.marks.End(o.bound.name, o.request.Name)", "	e.books.marks.End(o.bound.name, o.request.Name)"},
	{"nobody is left to take the key, and it lives on", "mint.go",
		"		return errors.Join(err, e.revokeUndelivered(ctx, s, &o.record))\n	}\n	return nil\n}", "		return err\n	}\n	return nil\n}"},
	{"the reaper takes static keys", "reaper.go",
		"	if err != nil || held {\n		return err", "	if err != nil || held && false {\n		return err"},
	{"a new static key is thought stored", "static_rotation.go",
		"stored.Current != nil && stored.Current.RecordID == next.Current.RecordID {", "stored.Current != nil || true {"},
	{"overlap does not count", "static_rotation.go",
		"		if e.now().Before(key.Until) {\n			left", "		if false {\n			left"},
	{"the credential is not read back", "root_finish.go",
		"err == nil && held.holds(bound.definition.Connection, note.Made) == holdsNew {", "true {"},
	{"a lease's end is not heeded", "lease.go",
		"	if r == nil {\n		data, err := lease.data()", "	if r != nil {\n		return nil, nil\n	}\n	if r == nil {\n		data, err := lease.data()"},
	{"a key that its provider does not know is not looked for", "missing.go",
		"	if err := e.enqueue(context.WithoutCancel(ctx), s, entry, false); err != nil {", "	if err := error(nil); err != nil {"},
	{"a list that shows nothing is believed", "blind.go",
		"	held, err := e.witnesses(ctx, bound, scope)\n	if err != nil {", "	held, err := e.witnesses(ctx, bound, scope)\n	if err != nil || true {"},
	{"a copy acts however old its snapshot is", "ownership_signature.go",
		"now.Sub(signed), longestFailover,", "now.Sub(signed), 1000*longestFailover,"},
	{"a crash is followed by no claim", "ownership_signature.go",
		"	if absent <= longest && (g.Released || !g.ClaimAfterCrash) {", "	if absent <= longest {"},
	{"two records of one key end it for each other", "shared.go",
		"	return e.firstSharing(ctx, s, r, e.books.ledger.Sharing(e.shortTargets(r), r.ID))", "	return \"\", nil"},
	{"what was replaced in place is ended by itself", "revoke.go",
		"e.replacedInPlace(ctx, s, r); err != nil || replaced {", "e.replacedInPlace(ctx, s, r); err != nil || replaced && false {"},
	{"what may have been replaced in place is in no doubt", "static_in_place.go",
		"	keys.InDoubt = true\n", "	keys.InDoubt = false\n"},
	{"keys that end with the credential are not waited for", "root_ending.go",
		"	if err != nil || held == \"\" || o.Force {", "	if err != nil || held == \"\" || !o.Force {"},
	{"a step is made for the first element alone", "../providers/steps.go",
		"	return elements, nil\n", "	return elements[:min(1, len(elements))], nil\n"},
	{"a deletion is believed and not looked at", "revoke_provider.go",
		"			return e.watch(w, r)", "			return nil"},
	{"a key that is shown under another name is believed to be gone", "revoke_watch.go",
		"	own, _, ours := keyname.FindKeyPart(tag, made.Name)\n", "	return false\n	own, _, ours := keyname.FindKeyPart(tag, made.Name)\n"},
	{"a key that is put back takes another one's record", "ledger/ledger.go",
		"	if err != nil || there != nil && there.Handle.Name != r.Handle.Name {", "	if err != nil || there != nil && false {"},
	{"an end in place is sent to another account", "static_in_place.go",
		"	if !r.InPlace || r.Account == w.connection.Account {", "	if true {"},
	{"what is put in place comes before what may yet replace it", "static_in_place.go",
		"		e.noteUnanswered(o.bound, &replaced, err)\n", "		_ = replaced\n"},
	{"what has the id that a role gives is ended by it", "mint_failed.go",
		"	return handle, known && isUnique(&handle, o.fixed)", "	return handle, known"},
	{"what a role gives counts as the provider's", "missing.go",
		"				made = strings.ReplaceAll(made, text, \"\")", "				made = strings.ReplaceAll(made, text, text)"},
	{"what an id has of its role is not kept", "../providers/issue.go",
		"		kept[field.Name] = text\n", "		_ = text\n"},
	{"half an answer makes what it tells of the caller's", "../providers/undo.go",
		"m.handle.ID != \"\" && !m.isGiven() {", "m.handle.ID != \"\" {"},
	{"a conflict is believed to have made nothing", "mint_failed.go",
		"	if refusal == nil || refusal.Status != http.StatusConflict {", "	if refusal == nil || refusal.Status != http.StatusConflict || true {"},
	{"a step is made whatever its condition", "../providers/steps.go",
		"		if !applies {\n			q.leaveOut(step)", "		if !applies && false {\n			q.leaveOut(step)"},
	{"a copy ends what its original has extended", "lookout_ends.go",
		"	if !told || !end.at.Add(-end.ahead).After(known.Add(slack)) {", "	if true || !told || !end.at.Add(-end.ahead).After(known.Add(slack)) {"},
	{"a list that lags is given up at once", "../providers/issue.go",
		"		patience := m.c.def.Lag\n", "		patience := min(m.c.def.Lag, listRetryTime)\n"},
	{"an id is looked for by the whole name alone", "../providers/search.go",
		"		l.Part != \"\" && containsFold(one.Handle.Name, l.Part) ||\n", ""},
}

const engineFolder = "../../backend"

// mutated is the source of a file with the defect in it.
func (m mutation) mutated(t *testing.T) (path, source string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(engineFolder, m.file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		t.Fatalf("%s: the text to replace occurs %d times in %s, want once; follow the engine", m.name, n, m.file)
	}
	return path, strings.Replace(string(text), m.old, m.new, 1)
}

// TestMutationsApply keeps the list in step with the engine.
func TestMutationsApply(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) { m.mutated(t) })
	}
}

// TestMutationsAreFound builds the engine with defects put into it, and has the
// simulation find each: those whose numbers MUTATIONS names, or "all"; without it
// a sample of one.
func TestMutationsAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("each mutation is a build of its own")
	}
	chosen := os.Getenv("MUTATIONS")
	for i, m := range mutations {
		if chosen == "all" || chosen == "" && i == 0 || slices.Contains(strings.Split(chosen, ","), fmt.Sprint(i)) {
			t.Run(m.name, func(t *testing.T) { m.mustBeFound(t) })
		}
	}
}

// mustBeFound plays lives of the mutated engine until one breaks.
func (m mutation) mustBeFound(t *testing.T) {
	folder := t.TempDir()
	path, source := m.mutated(t)
	file, binary := filepath.Join(folder, "mutated.go"), filepath.Join(folder, "mutated.test")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	// Which life finds it is then the same each time, for the engine as it is.
	overlay, err := replay.Overlay(filepath.Join(folder, "runtime"), map[string]string{path: file})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("building it: %s\n%s", err, out)
	}
	const budget = 600
	for from := uint64(1); from <= budget; {
		seed, what := firstBroken(t, binary, from, budget+1-from)
		if seed == 0 {
			break
		}
		// A life that breaks without the defect, too, has not found that.
		if len(play(t, Draw(seed)).Broken) == 0 {
			t.Logf("found by seed %d: %s", seed, what)
			return
		}
		from = seed + 1
	}
	t.Errorf("%d lives did not find it", budget)
}

// firstBroken is the seed of the first life that breaks, and how; 0 for none.
func firstBroken(t *testing.T, binary string, from, lives uint64) (seed uint64, what string) {
	t.Helper()
	lived := exec.Command(binary, "-test.run", "^TestLives$")
	lived.Env = append(os.Environ(), "SHRINK=no", "FIRST=yes", fmt.Sprintf("FROM=%d", from), fmt.Sprintf("LIVES=%d", lives))
	out, err := lived.CombinedOutput()
	if err == nil {
		return 0, ""
	}
	_, found, _ := strings.Cut(string(out), ": seed ")
	found, _, _ = strings.Cut(found, "\n")
	if n, err := fmt.Sscanf(found, "%d: ", &seed); n != 1 || err != nil {
		t.Fatalf("the mutated engine failed otherwise:\n%s", out)
	}
	return seed, found
}
