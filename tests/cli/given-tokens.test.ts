/** Each form in which people have a token in their hands, through each command that reads tokens; see also given-tokens.txt. */
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { runHere } from '../support/memory-io.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
const SECRET = '46ToAwIHQxGVpBuUpCkGXA';
const bearerOf = (name: string, secret = SECRET) =>
  Buffer.from(`\0\x01\0\x01elastic/kibana/${name}:${secret}`, 'latin1').toString('base64').replace(/=+$/, '');
const BEARER = bearerOf('a');
const base64 = (text: string) => Buffer.from(text).toString('base64');
const ENTRY = `elastic/kibana/a:{SHA}${createHash('sha1').update(SECRET).digest('base64')}\n`;
const CHEAP = ['-E', 'xpack.security.authc.service_token_hashing.algorithm=pbkdf2_1000'];

beforeEach(() => void directory.write('config/service_tokens', ENTRY));

const run = (args: readonly string[], stdin = '') =>
  runHere(args, { cwd: directory.path, env: { ES_PATH_CONF: 'config' }, stdin });

/** The commands, and what each says of the token. */
const commands: readonly (readonly [args: readonly string[], answer: RegExp])[] = [
  [['verify'], /^elastic\/kibana\/a$/],
  [['inspect'], /^type: service account token\nnamespace: elastic\nservice: kibana\nname: a\n/],
  [['hash', ...CHEAP], /^elastic\/kibana\/a:\{PBKDF2\}1000\$/],
  [['import', '--file', 'new', '--replace', '--json', ...CHEAP], /^\{"created":\["elastic\/kibana\/a"\]/],
];

/** The output of all commands: those that read a file and those that read standard input in turn. */
async function throughAll(content: string | Buffer) {
  const file = directory.write('given', content);
  const results = [];
  for (const [i, [args]] of commands.entries()) {
    const isFile = i % 2 === 0 || Buffer.isBuffer(content);
    results.push(isFile ? await run([...args, '--token-file', file]) : await run(args, content));
  }
  return results;
}

const apiAnswer = { created: true, token: { name: 'a', value: BEARER } };
const secret = (value: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata:\n  name: elastic-kibana-a\ntype: Opaque\ndata:\n  token: ${base64(value)}\n`;

describe('Each form of a token is accepted by verify, inspect, hash and import:', () => {
  test.each([
    ['bare', BEARER],
    ['bare, with a line end', `${BEARER}\n`],
    ['after blank lines', `\n\n${BEARER}\n\n`],
    ['NAME=token', `ELASTICSEARCH_SERVICEACCOUNTTOKEN=${BEARER}\n`],
    ['export NAME=token', `export TOKEN=${BEARER}\n`],
    ['in double quotes', `"${BEARER}"\n`],
    ['in single quotes', `'${BEARER}'\n`],
    ['a quoted variable', `export TOKEN="${BEARER}"\n`],
    ['the line of create', `SERVICE_TOKEN elastic/kibana/a = ${BEARER}\n`],
    ['Bearer', `Bearer ${BEARER}\n`],
    ['bearer', `bearer ${BEARER}\n`],
    ['a header', `Authorization: Bearer ${BEARER}\n`],
    ['a quoted header', `"authorization: Bearer ${BEARER}"\n`],
    ['a line of kibana.yml', `elasticsearch.serviceAccountToken: "${BEARER}"\n`],
    ['the JSON of the API', JSON.stringify(apiAnswer)],
    ['the JSON of the API on several lines', JSON.stringify(apiAnswer, null, 2)],
    ['the JSON of create', `${JSON.stringify({ ...apiAnswer, principal: 'elastic/kibana' })}\n`],
    ['a Secret', secret(BEARER)],
    ['a Secret in JSON', JSON.stringify({ kind: 'Secret', data: { token: base64(BEARER) } }, null, 2)],
    ['in five forms', `SERVICE_TOKEN a = Bearer NAME='"${BEARER}"'`],
    ['a header of another scheme', `Authorization: ApiKey ${BEARER}`],
    ['a variable with a comment', `# mine\nTOKEN=${BEARER} # mine\n`],
    ['a quoted variable with a comment', `export TOKEN="${BEARER}"\t# "mine"\n`],
    [
      'a variable among others',
      `A=1\n# B=${bearerOf('b')}\n;B=${bearerOf('b')}\nexport C='${BEARER}'\nD=${base64('x:y')}\nE="multi\nline"\n`,
    ],
    ['YAML', `elasticsearch:\n  serviceAccountToken: ${BEARER}\n  hosts: ["https://x"]\n`],
    ['TOML', `a = 1\ntoken = "${BEARER}"\n`],
    ['Compose', `environment:\n  - A=1\n  - TOKEN=${BEARER}\n`],
    ['a line of create among warnings', `WARNING: x\nSERVICE_TOKEN elastic/kibana/a = ${BEARER}\n`],
    ['a Secret with other data', `${secret(BEARER)}  password: aHVudGVyMg==\n`],
    [
      'a Secret in JSON with other data',
      JSON.stringify({ kind: 'Secret', data: { password: 'aHVudGVyMg==', token: base64(BEARER) } }),
    ],
    ['with padding', `NAME=${Buffer.from(BEARER, 'base64').toString('base64')}`],
  ])('%s', async (_, content) => {
    for (const [i, { status, stdout, stderr }] of (await throughAll(content)).entries()) {
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout.trimEnd()).toMatch(commands[i]?.[1] as RegExp);
    }
  });

  test.each([
    ['white space', `${BEARER} \n`],
    ['white space', `\t${BEARER}\n`],
    ['white space', `Bearer  ${BEARER}\n`],
    ['white space', secret(`${BEARER}\n`)],
    ['a carriage return', `${BEARER}\r\n`],
    ['a carriage return', `TOKEN=${BEARER}\r\n`],
    ['a byte order mark', `\ufeff${BEARER}\n`],
    ['a no-break space', `${BEARER}\u00a0\n`],
    ['a NUL', `${BEARER}\0`],
  ])('with a warning if there is %s around it: %j', async (around, content) => {
    for (const [i, { status, stdout, stderr }] of (await throughAll(content)).entries()) {
      expect(status).toBe(0);
      expect(stdout.trimEnd()).toMatch(commands[i]?.[1] as RegExp);
      expect(stderr).toBe(
        `WARNING: There is ${around} around the token\nA consumer that sends the bytes of this text as they are is refused.\n`,
      );
    }
  });

  test('several on their lines, in several forms, with one warning of a kind', async () => {
    const text = `${BEARER}\nTOKEN=${bearerOf('b')}\r\n\n{"token":{"value":"${bearerOf('c')}"}}\r\n`;
    const { stdout, stderr } = await run(['hash', ...CHEAP], text);
    expect(
      stdout
        .match(/^[^:]*/gm)
        ?.join(' ')
        .trim(),
    ).toBe('elastic/kibana/a elastic/kibana/b elastic/kibana/c');
    expect(stderr).toMatch(/^WARNING: line #2: There is a carriage return around the token\n[^\n]*\n$/);
  });
});

/** The example in Elasticsearch's documentation of POST /_security/api_key. */
const API_KEY = 'VuaCfGcBCdbkQm-e5aOx:ui2lp2axTNmsyakw9tvNnw';
const enrollment = base64(
  JSON.stringify({ ver: '8.14.0', adr: ['172.18.0.2:9200'], fgr: 'a4c5', key: API_KEY }),
);
const accessToken = Buffer.concat([Buffer.from([0xe3, 0x95, 0xed, 0x03, 22]), Buffer.from(SECRET)]);

describe('What is not a service account token is named by verify, inspect, hash and import:', () => {
  test.each<[type: string, says: string, content: string | Buffer]>([
    ['API key', 'this is an API key, not a service account token', API_KEY],
    ['API key', 'this is an API key, not a service account token', `KEY="${base64(API_KEY)}"`],
    [
      'API key',
      'this is an API key, not a service account token',
      `Authorization: ApiKey ${base64(API_KEY)}`,
    ],
    ['API key', 'this is an API key, not a service account token', `apikey ${base64(API_KEY)}\n`],
    ['JSON Web Token', 'JSON Web Token (JWT)', 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl'],
    ['enrollment token', 'this is an enrollment token', enrollment],
    ['OAuth2 access token', 'this is an OAuth2 access token', accessToken.toString('base64')],
    ['base64 of a service account token', 'this is the base64 of a service account token', base64(BEARER)],
    ['base64 of a service account token', 'this is the base64 of a', base64(`${BEARER}\n`)],
    ['damaged service account token', 'was cut or changed', BEARER.slice(0, 25)],
    [
      'damaged service account token',
      'was cut or changed',
      `TOKEN=${BEARER.slice(0, 40)}-${BEARER.slice(41)}`,
    ],
    ['damaged service account token', 'was cut or changed', secret(BEARER.slice(0, 25))],
    [
      'damaged service account token',
      'was cut or changed',
      `A=1\nT=${BEARER.slice(0, 25)}-\nPASSWORD=hunter2`,
    ],
    ['UTF-16 text', 'this is UTF-16 text', Buffer.from(`\ufeff${BEARER}\r\n`, 'utf16le')],
    ['UTF-16 text', 'this is UTF-16 text', Buffer.from(BEARER, 'utf16le').swap16()],
    ['unknown', 'this is not a service account token', 'hunter2'],
    ['unknown', 'this is not a service account token', 'PASSWORD=hunter2'],
    ['unknown', 'this is not a service account token', `A=1\nENV TOKEN=${BEARER}\nPASSWORD=hunter2\n`],
    ['damaged service account token', 'was cut or changed', `T="${BEARER} # in quotes it is no comment"`],
    ['unknown', 'this is not a service account token', '{"changed":false}'],
    ['unknown', 'this is not a service account token', `${`'"`.repeat(3)}${BEARER}${`"'`.repeat(3)}`],
  ])('%s', async (type, says, content) => {
    for (const [i, { status, stdout, stderr }] of (await throughAll(content)).entries()) {
      expect(status).toBe(65);
      if (commands[i]?.[0][0] === 'inspect') expect(stdout.split('\n')[0]).toBe(`type: ${type}`);
      else expect(stderr).toContain(says);
      expect(stderr).not.toContain('around the token'); // there is none
      for (const part of ['hunter2', 'AAEAA', 'ui2lp2ax']) expect(stdout + stderr).not.toContain(part);
    }
  });

  test.each([
    [`${BEARER.slice(0, 40)}-`, 'it is not base64 of the standard alphabet'],
    ['aHVudGVyMg==', 'it does not begin with the bytes 00 01 00 01'],
    [base64('\0\x01\0\x01elastic/kibana/a'), 'it has no colon before a secret'],
    [base64('\0\x01\0\x01:elastic/kibana/a'), 'its qualified name is not <namespace>/<service>/<name>'],
    [base64('\0\x01\0\x01elastic:x'), 'its qualified name is not <namespace>/<service>/<name>'],
    [base64('\0\x01\0\x01elastic/kibana/a/b:x'), 'its qualified name is not <namespace>/<service>/<name>'],
    [base64('\0\x01\0\x01elastic/kibana/_a:x'), 'its token name is invalid'],
  ])('with -v, the reason is added (%#)', async (text, reason) => {
    for (const [args] of commands.filter(([[name]]) => name !== 'inspect'))
      expect((await run([...args, '-v'], text)).stderr).toContain(
        `The server refuses it, because ${reason}.`,
      );
  });
});
