export const signIn = {
  title: "Sign in",
  token: "Portal token",
  hint: "It begins with suture-api. and lives as long as whoever made it chose.",
  submit: "Sign in",
  wrong: "This token is unknown, revoked or expired. Paste it whole, or ask for a new one.",
  how: "No token yet? Whoever runs your Suture service makes one with:",
  command: "suture token create --customer NAME --portal",
};
