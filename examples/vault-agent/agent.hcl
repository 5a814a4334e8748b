auto_auth {
  method {
    type = "approle"
    config = {
      role_id_file_path   = "role-id"
      secret_id_file_path = "secret-id"
    }
  }
}

template {
  source               = "app.env.ctmpl"
  destination          = "app.env"
  perms                = "0600"
  error_on_missing_key = true
}
