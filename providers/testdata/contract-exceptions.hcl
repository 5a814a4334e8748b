# What no contract case holds against a document that the provider publishes, and why.
# "life" is all of it: making, listing with both page ends, finding, extending, probing
# and revoking, each also without what answers need not hold; "rotation" is that of the
# administrator's credential.

exception "github-app" {
  lacks  = "life"
  reason = "a token has no id and is ended by itself alone, and the app signs in with tokens that it signs, which no server that is made of a document can check"
}
exception "google-apikeys" {
  lacks  = "life"
  reason = "the document leaves open what an operation that runs on answers in the end"
}
exception "linode" {
  lacks  = "life"
  reason = "the document says of an end that it has a zone, which its own examples and clients leave out, and does not name the parameters of pages"
}
exception "vault" {
  lacks  = "life"
  reason = "the document leaves all answers open; the real server is what holds it"
}

exception "gitea" {
  lacks  = "rotation"
  reason = "the new credential is a password that the request chooses, and no answer tells; the real server is what holds it"
}
exception "linode" {
  lacks  = "rotation"
  reason = "as above: exchanges from its documentation are what holds it"
}
exception "twilio" {
  lacks  = "rotation"
  reason = "the account's tokens are replaced by another document, of another host; an exchange held against that one is what holds it"
}
exception "vault" {
  lacks  = "rotation"
  reason = "as above: the real server is what holds it"
}
