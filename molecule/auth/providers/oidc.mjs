// Copyright (c) 2026, vdsg.jupyterhub contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// A real OpenID provider with a plain form, for the people of /data/people.json: node oidc.mjs, with the settings of /data/oidc.json.
import crypto from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import Provider from 'oidc-provider';

const read = (name) => JSON.parse(fs.readFileSync(`/data/${name}`, 'utf8'));
// Read each time: the tests put people into groups and take them out.
const person = (name) => read('people.json').find((one) => one.name === name);

const settings = read('oidc.json');
const address = new URL(settings.issuer);

const provider = new Provider(settings.issuer, {
  clients: [{
    client_id: settings.client_id,
    client_secret: settings.client_secret,
    redirect_uris: [settings.callback],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  claims: { openid: ['sub'], profile: ['preferred_username', 'name'], groups: ['groups'] },
  cookies: { keys: [crypto.randomBytes(32).toString('hex')] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_context, name) => person(name) && {
    accountId: name,
    claims: () => ({ sub: name, preferred_username: name, name: `${name} of the tests`, groups: person(name).groups }),
  },
  // Nobody is asked whether the hub may know it.
  loadExistingGrant: async (context) => {
    const grant = new provider.Grant({ clientId: context.oidc.client.clientId, accountId: context.oidc.session.accountId });
    grant.addOIDCScope('openid profile groups');
    await grant.save();
    return grant;
  },
  issueRefreshToken: () => true,
  ttl: { AccessToken: settings.seconds, Grant: 3600, Interaction: 600, RefreshToken: 3600, Session: 3600, IdToken: 3600, AuthorizationCode: 60 },
});

// What the hub was given tokens for, so that tests see it.
provider.on('grant.success', (context) => fs.appendFileSync('/data/granted', `${context.oidc.params.grant_type}\n`));

const form = (text) => `<!doctype html><title>Log in</title><p>${text}</p><form method="post">
<input name="login"><input name="password" type="password"><button>Log in</button></form>`;

async function interact(request, response) {
  await provider.interactionDetails(request, response);
  let text = 'Who are you?';
  if (request.method === 'POST') {
    const parts = [];
    for await (const part of request) parts.push(part);
    const given = new URLSearchParams(Buffer.concat(parts).toString());
    const found = person(given.get('login'));
    if (found && found.password === given.get('password')) {
      await provider.interactionFinished(request, response, { login: { accountId: found.name } });
      return;
    }
    text = 'No such person, or another password.';
  }
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(form(text));
}

const answer = provider.callback();
const tls = { key: fs.readFileSync('/data/key.pem'), cert: fs.readFileSync('/data/certificate.pem') };
https.createServer(tls, (request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    answer(request, response);
    return;
  }
  interact(request, response).catch((error) => response.writeHead(400).end(String(error)));
}).listen(Number(address.port), address.hostname);
