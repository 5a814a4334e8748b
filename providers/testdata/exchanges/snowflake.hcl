exchange "by key pair" {
  source     = "https://docs.snowflake.com/en/developer-guide/sql-api/{reference,authenticating,handling-responses}; https://docs.snowflake.com/en/sql-reference/sql/{alter-user-add-programmatic-access-token,alter-user-remove-programmatic-access-token,show-user-programmatic-access-tokens}"
  read       = "2026-11-22"
  now        = "2026-11-22T10:00:00Z"
  connection = { account = "acme-prod1", username = "vault", role = "TOKEN_ADMIN", private_key = private_key }
  role       = { user = "SVC \"O'Brien\"", role_restriction = "O'Reader" }
  headers    = { X-Snowflake-Authorization-Token-Type = "KEYPAIR_JWT" }

  step "check" {
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json    = { statement = "SELECT CURRENT_USER()", role = "TOKEN_ADMIN" }
      jwt = {
        iss = "ACME-PROD1.VAULT.SHA256:{fingerprint}"
        sub = "ACME-PROD1.VAULT"
        iat = 1795341540
        exp = 1795345080
      }
      status = 200
      answer = {
        resultSetMetaData = {
          numRows       = 1
          format        = "jsonv2"
          rowType       = [{ name = "CURRENT_USER()", type = "text" }]
          partitionInfo = []
        }
        data               = [["VAULT"]]
        code               = "090001"
        statementStatusUrl = "/api/v2/statements/01b2"
        requestId          = "r"
        sqlState           = "00000"
        statementHandle    = "01b2"
        message            = "Statement executed successfully."
        createdOn          = 1620151693299
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json    = { statement = "SELECT CURRENT_USER()", role = "TOKEN_ADMIN" }
      jwt = {
        iss = "ACME-PROD1.VAULT.SHA256:{fingerprint}"
        sub = "ACME-PROD1.VAULT"
        iat = 1795341540
        exp = 1795345080
      }
      status = 401
      answer = { code = "390144", message = "JWT token is invalid." }
    }
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json    = { statement = "SELECT CURRENT_USER()", role = "TOKEN_ADMIN" }
      jwt = {
        iss = "ACME-PROD1.VAULT.SHA256:{fingerprint}"
        sub = "ACME-PROD1.VAULT"
        iat = 1795341540
        exp = 1795345080
      }
      status = 401
      answer = { code = "390144", message = "JWT token is invalid." }
    }
  }

  # The names are odd to show how they are quoted.
  step "issue" {
    fails = "refused"
    key {
      name       = "vault_app_1"
      expires_at = "2026-11-23T12:00:00Z"
      ttl        = 93600
    }
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json = {
        statement = "ALTER USER \"SVC \"\"O'Brien\"\"\" ADD PROGRAMMATIC ACCESS TOKEN \"vault_app_1\" ROLE_RESTRICTION = 'O''Reader' DAYS_TO_EXPIRY = 2 COMMENT = 'Leased by Vault'"
        role      = "TOKEN_ADMIN"
      }
      jwt = {
        iss = "ACME-PROD1.VAULT.SHA256:{fingerprint}"
        sub = "ACME-PROD1.VAULT"
        iat = 1795341540
        exp = 1795345080
      }
      status = 422
      answer = {
        code            = "001003"
        sqlState        = "42000"
        message         = "SQL compilation error"
        statementHandle = "01b2"
      }
    }
  }

  # A statement that goes on may make the token yet.
  step "issue" {
    fails = "unknown"
    key {
      name       = "vault_app_1"
      expires_at = "2026-11-23T12:00:00Z"
      ttl        = 93600
    }
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json = {
        statement = "ALTER USER \"SVC \"\"O'Brien\"\"\" ADD PROGRAMMATIC ACCESS TOKEN \"vault_app_1\" ROLE_RESTRICTION = 'O''Reader' DAYS_TO_EXPIRY = 2 COMMENT = 'Leased by Vault'"
        role      = "TOKEN_ADMIN"
      }
      jwt = {
        iss = "ACME-PROD1.VAULT.SHA256:{fingerprint}"
        sub = "ACME-PROD1.VAULT"
        iat = 1795341540
        exp = 1795345080
      }
      status = 202
      answer = {
        code            = "333334"
        message         = "Asynchronous execution in progress."
        statementHandle = "01b2"
      }
    }
  }

  step "issue" {
    id     = "vault_app_1"
    secret = { token = "eyJraWQiOiI-app1" }
    key {
      name       = "vault_app_1"
      expires_at = "2026-11-23T12:00:00Z"
      ttl        = 93600
    }
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json = {
        statement = "ALTER USER \"SVC \"\"O'Brien\"\"\" ADD PROGRAMMATIC ACCESS TOKEN \"vault_app_1\" ROLE_RESTRICTION = 'O''Reader' DAYS_TO_EXPIRY = 2 COMMENT = 'Leased by Vault'"
        role      = "TOKEN_ADMIN"
      }
      jwt = {
        iss = "ACME-PROD1.VAULT.SHA256:{fingerprint}"
        sub = "ACME-PROD1.VAULT"
        iat = 1795341540
        exp = 1795345080
      }
      status = 200
      answer = {
        resultSetMetaData = {
          numRows       = 1
          format        = "jsonv2"
          rowType       = [{ name = "token_name", type = "text" }, { name = "token_secret", type = "text" }]
          partitionInfo = []
        }
        data               = [["vault_app_1", "eyJraWQiOiI-app1"]]
        code               = "090001"
        statementStatusUrl = "/api/v2/statements/01b2"
        requestId          = "r"
        sqlState           = "00000"
        statementHandle    = "01b2"
        message            = "Statement executed successfully."
        createdOn          = 1620151693299
      }
    }
  }

  step "list" {
    ids = ["vault_app_1", "BY_HAND"]
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json = {
        statement = "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER \"SVC \"\"O'Brien\"\"\""
        role      = "TOKEN_ADMIN"
      }
      jwt = {
        iss = "ACME-PROD1.VAULT.SHA256:{fingerprint}"
        sub = "ACME-PROD1.VAULT"
        iat = 1795341540
        exp = 1795345080
      }
      status = 200
      answer = {
        resultSetMetaData = {
          numRows = 2
          format  = "jsonv2"
          rowType = [
            { name = "name", type = "text" },
            { name = "user_name", type = "text" },
            { name = "role_restriction", type = "text" },
            { name = "expires_at", type = "text" },
            { name = "status", type = "text" },
            { name = "comment", type = "text" },
            { name = "created_on", type = "text" },
            { name = "created_by", type = "text" },
          ]
          partitionInfo = []
        }
        data = [
          [
            "vault_app_1",
            "SVC \"O'Brien\"",
            "READER",
            "1795428000.000000000",
            "ACTIVE",
            "Leased by Vault",
            "1795341600.123000000 1440",
            "VAULT",
          ],
          [
            "BY_HAND",
            "SVC \"O'Brien\"",
            "READER",
            "1795428000.000000000",
            "ACTIVE",
            "Leased by Vault",
            "1795341600.123000000 1440",
            "VAULT",
          ],
        ]
        code               = "090001"
        statementStatusUrl = "/api/v2/statements/01b2"
        requestId          = "r"
        sqlState           = "00000"
        statementHandle    = "01b2"
        message            = "Statement executed successfully."
        createdOn          = 1620151693299
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json = {
        statement = "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER \"SVC \"\"O'Brien\"\"\""
        role      = "TOKEN_ADMIN"
      }
      status = 200
      answer = {
        resultSetMetaData = {
          numRows = 2
          format  = "jsonv2"
          rowType = [
            { name = "name", type = "text" },
            { name = "user_name", type = "text" },
            { name = "role_restriction", type = "text" },
            { name = "expires_at", type = "text" },
            { name = "status", type = "text" },
            { name = "comment", type = "text" },
            { name = "created_on", type = "text" },
            { name = "created_by", type = "text" },
          ]
          partitionInfo = []
        }
        data = [
          [
            "vault_app_1",
            "SVC \"O'Brien\"",
            "READER",
            "1795428000.000000000",
            "ACTIVE",
            "Leased by Vault",
            "1795341600.123000000 1440",
            "VAULT",
          ],
          [
            "BY_HAND",
            "SVC \"O'Brien\"",
            "READER",
            "1795428000.000000000",
            "ACTIVE",
            "Leased by Vault",
            "1795341600.123000000 1440",
            "VAULT",
          ],
        ]
        code               = "090001"
        statementStatusUrl = "/api/v2/statements/01b2"
        requestId          = "r"
        sqlState           = "00000"
        statementHandle    = "01b2"
        message            = "Statement executed successfully."
        createdOn          = 1620151693299
      }
    }
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json = {
        statement = "ALTER USER \"SVC \"\"O'Brien\"\"\" REMOVE PROGRAMMATIC ACCESS TOKEN \"vault_app_1\""
        role      = "TOKEN_ADMIN"
      }
      status = 200
      answer = {
        resultSetMetaData = {
          numRows       = 1
          format        = "jsonv2"
          rowType       = [{ name = "status", type = "text" }]
          partitionInfo = []
        }
        data               = [["Programmatic access token removed."]]
        code               = "090001"
        statementStatusUrl = "/api/v2/statements/01b2"
        requestId          = "r"
        sqlState           = "00000"
        statementHandle    = "01b2"
        message            = "Statement executed successfully."
        createdOn          = 1620151693299
      }
    }
  }

  # It is in the list no more.
  step "revoke" {
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json = {
        statement = "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER \"SVC \"\"O'Brien\"\"\""
        role      = "TOKEN_ADMIN"
      }
      status = 200
      answer = {
        resultSetMetaData = {
          numRows = 1
          format  = "jsonv2"
          rowType = [
            { name = "name", type = "text" },
            { name = "user_name", type = "text" },
            { name = "role_restriction", type = "text" },
            { name = "expires_at", type = "text" },
            { name = "status", type = "text" },
            { name = "comment", type = "text" },
            { name = "created_on", type = "text" },
            { name = "created_by", type = "text" },
          ]
          partitionInfo = []
        }
        data = [
          [
            "BY_HAND",
            "SVC \"O'Brien\"",
            "READER",
            "1795428000.000000000",
            "ACTIVE",
            "Leased by Vault",
            "1795341600.123000000 1440",
            "VAULT",
          ],
        ]
        code               = "090001"
        statementStatusUrl = "/api/v2/statements/01b2"
        requestId          = "r"
        sqlState           = "00000"
        statementHandle    = "01b2"
        message            = "Statement executed successfully."
        createdOn          = 1620151693299
      }
    }
  }

  # This may be a missing privilege: the token may live.
  step "revoke" {
    fails = "refused"
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json = {
        statement = "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER \"SVC \"\"O'Brien\"\"\""
        role      = "TOKEN_ADMIN"
      }
      status = 422
      answer = {
        code     = "002003"
        sqlState = "02000"
        message  = "SQL compilation error: User 'SVC' does not exist or not authorized."
      }
    }
  }
}

exchange "by programmatic access token" {
  source     = "https://docs.snowflake.com/en/developer-guide/sql-api/{reference,authenticating,handling-responses}; https://docs.snowflake.com/en/sql-reference/sql/{alter-user-add-programmatic-access-token,alter-user-remove-programmatic-access-token,show-user-programmatic-access-tokens}"
  read       = "2026-11-22"
  connection = { account = "acme-prod1", username = "vault", token = "pat-admin" }
  role       = { user = "APP", role_restriction = "APP_READER" }
  headers = {
    Authorization                        = "Bearer pat-admin"
    X-Snowflake-Authorization-Token-Type = "PROGRAMMATIC_ACCESS_TOKEN"
  }

  step "check" {
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json    = { statement = "SELECT CURRENT_USER()" }
      status  = 200
      answer = {
        resultSetMetaData = {
          numRows       = 1
          format        = "jsonv2"
          rowType       = [{ name = "CURRENT_USER()", type = "text" }]
          partitionInfo = []
        }
        data               = [["VAULT"]]
        code               = "090001"
        statementStatusUrl = "/api/v2/statements/01b2"
        requestId          = "r"
        sqlState           = "00000"
        statementHandle    = "01b2"
        message            = "Statement executed successfully."
        createdOn          = 1620151693299
      }
    }
  }

  step "issue" {
    id     = "vault_app_1"
    secret = { token = "eyJraWQiOiI-app1" }
    key {
      name       = "vault_app_1"
      expires_at = "2026-11-23T12:00:00Z"
      ttl        = 93600
    }
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json = {
        statement = "ALTER USER \"APP\" ADD PROGRAMMATIC ACCESS TOKEN \"vault_app_1\" ROLE_RESTRICTION = 'APP_READER' DAYS_TO_EXPIRY = 2 COMMENT = 'Leased by Vault'"
      }
      status = 200
      answer = {
        resultSetMetaData = {
          numRows       = 1
          format        = "jsonv2"
          rowType       = [{ name = "token_name", type = "text" }, { name = "token_secret", type = "text" }]
          partitionInfo = []
        }
        data               = [["vault_app_1", "eyJraWQiOiI-app1"]]
        code               = "090001"
        statementStatusUrl = "/api/v2/statements/01b2"
        requestId          = "r"
        sqlState           = "00000"
        statementHandle    = "01b2"
        message            = "Statement executed successfully."
        createdOn          = 1620151693299
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST https://acme-prod1.snowflakecomputing.com/api/v2/statements"
      json    = { statement = "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER \"APP\"" }
      status  = 200
      answer = {
        resultSetMetaData = {
          numRows = 0
          format  = "jsonv2"
          rowType = [
            { name = "name", type = "text" },
            { name = "user_name", type = "text" },
            { name = "role_restriction", type = "text" },
            { name = "expires_at", type = "text" },
            { name = "status", type = "text" },
            { name = "comment", type = "text" },
            { name = "created_on", type = "text" },
            { name = "created_by", type = "text" },
          ]
          partitionInfo = []
        }
        data               = []
        code               = "090001"
        statementStatusUrl = "/api/v2/statements/01b2"
        requestId          = "r"
        sqlState           = "00000"
        statementHandle    = "01b2"
        message            = "Statement executed successfully."
        createdOn          = 1620151693299
      }
    }
  }
}
