# A first draft, from the provider's OpenAPI document, version 0.1.
provider "dim" {
  title = "Dim"
  # TODO: the page about making keys
  docs = "https://docs.example.com"
  # TODO: where is the provider served? Without base_url each connection gives its own

  connection {
    admin_key = { required = true, sensitive = true, help = "Credential that may make and delete keys." }
  }

  # TODO: how does one sign in? The document does not say
  auth "bearer" { token = connection.admin_key }

  # TODO: which read can only a working admin credential do?
  #   check { get = "/…" }

  issue {
    post = "/api/tokens/create"
    # TODO: where does a key's name go, by which it is found again? The document does not say
    json = {
      name = key.name
    }
    # TODO: where in the answer is the id of the key, by which it is deleted?
    id = body.TODO
    # TODO: where is the key itself? The document does not show it
    secret = { api_key = body.TODO }
  }

  revoke {
    post = "/api/tokens/revoke"
    # TODO: how does the request name the key?
    json = { id = key.id }
    # TODO: which answer says that the key is gone already? The document has no 404 here
    gone = [404]
  }

  # TODO: is there a list of keys? Without one, a key whose making had no answer cannot be found

  # TODO: which read can a key itself do, so that it is seen alive and dead?
  #   probe { get = "/…" headers = { Authorization = "Bearer ${secret.api_key}" } }
}
