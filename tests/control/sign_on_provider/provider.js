/**
 * A real OpenID Connect provider for the tests: people, and what the provider says of them, come as JSON by the first
 * argument, the client's addresses by the second. Any password is right. Its address is printed when it listens.
 */
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const people = JSON.parse(process.argv[2]);
const client = JSON.parse(process.argv[3]);
const server = createServer();

server.listen(Number(process.argv[4] ?? 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'webviewer', client_secret: 'secret-of-the-client', grant_types: ['authorization_code'], response_types: ['code'], ...client }],
    claims: { openid: ['sub'], profile: ['preferred_username', 'name', 'groups'] },
    findAccount: (_, id) => (people[id] ? { accountId: id, claims: () => ({ sub: id, ...people[id] }) } : undefined),
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    cookies: { keys: ['only for tests'] },
  });
  server.on('request', provider.callback());
  console.log(`listening on ${issuer}`);
});
