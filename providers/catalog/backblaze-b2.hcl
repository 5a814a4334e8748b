# Category: Cloud and hosting
#
# Sources: Backblaze/b2-sdk-python:b2sdk/_internal/raw_api.py;
# https://www.backblaze.com/apidocs/b2-create-key
#
# Application keys; a role that names no capability gets keys that may list and read
# files. The admin key needs writeKeys, listKeys and deleteKeys. Whoever has writeKeys
# can make a key that may do anything, so it is as good as the master key; it is
# replaced in the web interface.
# The API's address differs by account, and is what b2_authorize_account answers as
# apiUrl: the operator writes it as the connection's base_url.
# Keys of version 4, which these are, are refused by versions 1 to 3 of
# b2_authorize_account, so by older programs.
#
# Rights: https://www.backblaze.com/docs/cloud-storage-application-key-capabilities
provider "backblaze-b2" {
  title = "Backblaze B2"
  docs  = "https://www.backblaze.com/docs/cloud-storage-application-keys"

  connection {
    key_id     = { required = true, help = "Id of an application key that may make keys." }
    key        = { required = true, sensitive = true, help = "The application key itself." }
    account_id = { required = true, help = "Account that the keys belong to, 12 hexadecimal digits." }
  }

  role {
    capabilities = {
      type    = list(string)
      default = ["listFiles", "readFiles"]
      min     = 1
      enum    = ["listKeys", "listBuckets", "listAllBucketNames", "readBuckets", "writeBuckets", "deleteBuckets", "readBucketEncryption", "writeBucketEncryption", "readBucketRetentions", "writeBucketRetentions", "readBucketReplications", "writeBucketReplications", "readBucketNotifications", "writeBucketNotifications", "listFiles", "readFiles", "shareFiles", "writeFiles", "deleteFiles", "readFileLegalHolds", "writeFileLegalHolds", "readFileRetentions", "writeFileRetentions", "bypassGovernance"]
      help    = "What the keys may do."
    }
    bucket_ids  = { type = list(string), required = true, min = 1, help = "Buckets that the keys open." }
    name_prefix = { help = "What the names of the files begin with that the keys open." }
  }

  auth "login" {
    request {
      get = "https://api.backblazeb2.com/b2api/v4/b2_authorize_account"
      auth "basic" {
        username = connection.key_id
        password = connection.key
      }
    }
    token      = body.authorizationToken
    expires_in = 86400
    headers    = { Authorization = token }
  }

  check {
    post = "/b2api/v4/b2_list_keys"
    json = { accountId = connection.account_id, maxKeyCount = 1 }
  }

  issue {
    post = "/b2api/v4/b2_create_key"
    json = {
      accountId              = connection.account_id
      keyName                = key.name
      capabilities           = role.capabilities
      bucketIds              = role.bucket_ids
      namePrefix             = role.name_prefix
      validDurationInSeconds = key.ttl
    }
    id         = body.applicationKeyId
    identify   = "application_key"
    secret     = { application_key_id = body.applicationKeyId, application_key = body.applicationKey }
    expires_at = body.expirationTimestamp
    granted    = { capabilities = body.capabilities, bucket_ids = body.bucketIds, name_prefix = body.namePrefix }
  }

  # What a second deletion is answered is not documented, so that a key is gone is
  # seen from the list.
  revoke {
    step "look" {
      get   = "/b2api/v4/b2_list_keys"
      query = { accountId = connection.account_id, maxKeyCount = 1000 }
      gone  = status == 200 && body.nextApplicationKeyId == null && !contains([for one in body.keys : one.applicationKeyId], key.id)
    }
    step "delete" {
      post = "/b2api/v4/b2_delete_key"
      json = { applicationKeyId = key.id }
    }
  }

  list {
    post  = "/b2api/v4/b2_list_keys"
    json  = { accountId = connection.account_id, maxKeyCount = 1000, startApplicationKeyId = page.start }
    items = body.keys
    item  = { id = item.applicationKeyId, name = item.keyName }
    next  = body.nextApplicationKeyId == null ? null : { start = body.nextApplicationKeyId }
  }

  key_name {
    max_length = 100
    characters = "a-zA-Z0-9-"
  }

  expiry { maximum = "999d" }

  errors {
    message      = body.message
    unauthorized = contains(["bad_auth_token", "expired_auth_token", "unauthorized"], body.code)
  }
}
