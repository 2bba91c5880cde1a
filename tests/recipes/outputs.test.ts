/** Each form of a token is used like its consumer uses it; the token must be accepted. */
import { statSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { testWith } from '../support/programs.js';
import { dataOf, parseEnvFile, Workplace } from '../support/recipes.js';
import { testThoroughly } from '../support/thoroughness.js';

const workplace = new Workplace();
const create = (options: string) => workplace.tool(`create elastic/kibana k1 --file tokens ${options}`);
const NAME = 'ELASTICSEARCH_SERVICEACCOUNTTOKEN';

describe('--output env', () => {
  test('a shell sources it', async () => {
    await create('-o env --token-file kibana.env');
    await workplace.expectAccepted(await workplace.sh(`. ./kibana.env; printf %s "$${NAME}"`));
  });

  test('docker --env-file reads it, also where GitHub Actions appends it to other variables', async () => {
    const variables = parseEnvFile(`OTHER=1\n${await create('-o env')}ANOTHER=2\n`);
    expect(variables).toEqual({ OTHER: '1', [NAME]: expect.any(String), ANOTHER: '2' });
    await workplace.expectAccepted(variables[NAME]);
  });

  test('a given name is the name of the variable', async () => {
    expect(Object.keys(parseEnvFile(await create('-o env --env-name TOKEN')))).toEqual(['TOKEN']);
  });
});

test.each(['create', 'ensure'])(
  '%s --token-file writes the token without a line end, because Fleet Server uses every byte',
  async (command) => {
    await workplace.tool(`${command} elastic/fleet-server f1 --file tokens --token-file token`);
    await workplace.expectAccepted(workplace.read('token'));
    expect(statSync(workplace.at('token')).mode & 0o777).toBe(0o600);
    await workplace.tool('verify --file tokens --token-file token');
  },
);

testWith(['jq'], testThoroughly)('jq reads the token, whether it is new and what changed', async () => {
  const json = await create('--json');
  expect(await workplace.sh('jq .created', json)).toBe('true\n');
  await workplace.expectAccepted((await workplace.sh('jq -r .token.value', json)).trimEnd());
  const again = await create('--json --if-not-exists');
  expect(await workplace.sh("jq -c '[.created, .token.value]'", again)).toBe('[false,null]\n');
  const ensure = 'elasticsearch-service-tokens ensure elastic/kibana k2 --file tokens --token-file t --json';
  expect(await workplace.sh(`${ensure} | jq .changed; ${ensure} | jq .changed`)).toBe('true\nfalse\n');
});

describe('--output k8s-secret', () => {
  testWith(['python3-yaml'], testThoroughly)('a YAML parser reads a Secret with the token', async () => {
    const [secret, ...others] = await workplace.yaml(await create('-o k8s-secret --namespace 1'));
    expect(others).toEqual([]);
    await workplace.expectAccepted(dataOf(secret)['token']);
  });

  testWith(['kubectl', 'python3-yaml'], testThoroughly)('kubectl reads it', async () => {
    workplace.directory.write('secret/kustomization.yaml', 'resources: [secret.yaml]\n');
    workplace.directory.write('secret/secret.yaml', await create('-o k8s-secret --name true'));
    const [secret] = await workplace.yaml(await workplace.sh('kubectl kustomize secret'));
    expect(secret.metadata.name).toBe('true');
    await workplace.expectAccepted(dataOf(secret)['token']);
  });

  testWith(['python3-yaml'], testThoroughly)('export has the tokens file, ready to be mounted', async () => {
    const bearer = await create('-s');
    const [secret] = await workplace.yaml(await workplace.tool('export -o k8s-secret --file tokens'));
    workplace.directory.write('mounted', dataOf(secret)['service_tokens']);
    await workplace.expectAccepted(bearer.trimEnd(), 'mounted');
  });
});
