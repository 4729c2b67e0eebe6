// Bolt for JavaScript with its own receiver; the tokens are in a Map, the fastest possible store.
const { App } = require('@slack/bolt');

const installed = new Map();
for (let number = 0; number < Number(process.env.TEAMS); number += 1) {
  const digits = String(number).padStart(8, '0');
  installed.set(`T${digits}`, { botToken: `xoxb-${number}`, botId: `B${digits}`, botUserId: `UBOT${digits}` });
}

const app = new App({
  signingSecret: process.env.SIGNING_SECRET,
  logLevel: 'error',
  authorize: async ({ teamId }) => installed.get(teamId),
});
app.event('app_mention', async () => {});
app.command('/hello-bench', async ({ ack, command }) => ack(`hello ${command.text}`));
app.start({ port: Number(process.env.PORT), host: '127.0.0.1' });
