package simulation

// An invariant is a promise of the engine. This page has all of them; invariants.go has
// how each is looked at, in the world's own knowledge of what is true: the provider's
// memory, what is on disk, and Vault's leases. Nothing of the engine's is asked.
type invariant struct {
	name string
	// broken answers what breaks the promise now, a sentence for each.
	broken func(*world) []string
}

const (
	heldKeysWork       = "a held key works until its lease ends"
	noKeyOutlives      = "a key ends with its lease, or its revocation is on the queue"
	adminWorks         = "the stored admin credential works"
	livingKeysAreNoted = "every living key is in the ledger, or a mark or note is on disk"
	recordsOutlive     = "a record goes only after the provider said that the key is gone"
	deadlinesFollow    = "every record has a deadline, not before the end of its lease"
	secretsStayHidden  = "secrets stay where they belong"
	adminsAreKnown     = "every admin credential that the engine made is stored or noted"
	nothingPilesUp     = "nothing grows without bound"
	booksAgree         = "once the world is quiet for an hour, provider and ledger agree"
	workGoesOn         = "once the world is quiet for an hour, everything works again"
	peoplesStay        = "what people made at the provider stays"
)

// standing invariants hold after every step of a life.
var standing = []invariant{
	{heldKeysWork, leasedKeysWork}, // of whoever has a lease
	{heldKeysWork, staticKeysWork}, // of whoever reads static-creds
	{adminWorks, storedAdminsWork}, // unless the world took it away
	{livingKeysAreNoted, everyKeyIsNoted},
	{deadlinesFollow, deadlinesAreRight},
	{adminsAreKnown, everyAdminIsKnown},
	{nothingPilesUp, storageIsBounded}, // entries, for keys that were ever made
	{nothingPilesUp, trafficIsBounded}, // requests in flight at once
	{nothingPilesUp, processIsBounded}, // goroutines
	{noKeyOutlives, nobodysKeysEnd},    // of readers who hung up
	{noKeyOutlives, liesAreSeen},       // what was not deleted, though the provider said so
}

// momentary invariants are looked at as the thing happens that could break them.
//
//	heldKeysWork        died         the provider deletes a key: nobody holds it
//	adminWorks          adminEnded   it removes an admin credential: no config/ holds that
//	livingKeysAreNoted  made         it makes a key: a mark or an intent is on disk already
//	recordsOutlive      forgot       a record leaves the ledger: its key is gone, or is looked for
//	peoplesStay         endPeoples   it deletes something: the engine had it made
//	noKeyOutlives       leaseIsOver  Vault is told so: the key is gone, or on the queue
//	secretsStayHidden   lookForSecrets, watchedLog   each write, each line of the log

// final invariants hold after an hour in which nothing happened.
var final = []invariant{
	{booksAgree, ledgerMatchesProvider}, // each living key one record that somebody holds
	{booksAgree, nothingIsLeftToDo},     // no queue, no mark, no note of a rotation
	{booksAgree, reconcileFindsTwins},   // what a proxy made goes with a reconcile
	{nothingPilesUp, quietIsQuiet},      // requests in the hour
	{workGoesOn, rolesMint},
	{workGoesOn, staticRolesAnswer},
}
