contract "restricted keys" {
  document   = "twilio-iam-v1.json"
  secret     = "secret"
  connection = { account_sid = "AC00000000000000000000000000000001", auth_token = "contract-token" }
  role       = { permissions = ["/twilio/messaging/messages/read"] }

  aliases = { friendly_name = "FriendlyName" }
  beyond = {
    "GET /2010-04-01/Accounts/AC00000000000000000000000000000001.json" = "https://www.twilio.com/docs/iam/api/account"
  }
}
