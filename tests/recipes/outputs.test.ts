/** Each form of a token is used like its consumer uses it; the token must be accepted. */
import { statSync } from 'node:fs';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { testWith } from '../support/programs.js';
import { dataOf, parseEnvFile, problemsOfSecret, Workplace } from '../support/recipes.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { testThoroughly } from '../support/thoroughness.js';

const directory = temporaryDirectory();
let workplace: Workplace;
beforeEach(() => {
  workplace = new Workplace(directory.path);
});

const create = (...options: string[]) =>
  workplace.tool('create', 'elastic/kibana', 'k1', '--file', 'tokens', ...options);
const expectAccepted = (bearer: string) => workplace.expectAccepted(bearer, 'tokens');

describe('--output env', () => {
  const NAME = 'ELASTICSEARCH_SERVICEACCOUNTTOKEN';

  test('a shell sources it', async () => {
    await create('-o', 'env', '--token-file', 'kibana.env');
    await expectAccepted(await workplace.pipe('', 'sh', '-c', `. ./kibana.env; printf %s "$${NAME}"`));
  });

  test('docker --env-file reads it', async () => {
    await expectAccepted(parseEnvFile(await create('-o', 'env'))[NAME] ?? '');
  });

  test('a step of GitHub Actions appends it to $GITHUB_ENV, which holds other variables', async () => {
    workplace.append('github-env', 'OTHER=1');
    workplace.append('github-env', (await create('-o', 'env')).trimEnd());
    workplace.append('github-env', 'ANOTHER=2');
    const variables = parseEnvFile(workplace.read('github-env'));
    expect(variables).toMatchObject({ OTHER: '1', ANOTHER: '2' });
    await expectAccepted(variables[NAME] ?? '');
  });

  test('a given name is the name of the variable', async () => {
    expect(Object.keys(parseEnvFile(await create('-o', 'env', '--env-name', 'TOKEN')))).toEqual(['TOKEN']);
  });
});

describe('--token-file', () => {
  test.each(['create', 'ensure'])(
    '%s writes the token without a line end, because Fleet Server uses every byte',
    async (command) => {
      await workplace.tool(
        command,
        'elastic/fleet-server',
        'f1',
        '--file',
        'tokens',
        '--token-file',
        'token',
      );
      await expectAccepted(workplace.read('token'));
      expect(statSync(workplace.at('token')).mode & 0o777).toBe(0o600);
    },
  );

  test('verify reads it back', async () => {
    await create('--token-file', 'token');
    await workplace.tool('verify', '--file', 'tokens', '--token-file', 'token');
  });
});

describe('--output json', () => {
  testWith(['jq'], testThoroughly)('jq reads the token, and whether it is new', async () => {
    const json = await create('--json');
    expect(await workplace.pipe(json, 'jq', '.created')).toBe('true\n');
    await expectAccepted((await workplace.pipe(json, 'jq', '-r', '.token.value')).trimEnd());
    const again = await create('--json', '--if-not-exists');
    expect(await workplace.pipe(again, 'jq', '-c', '[.created, .token.value]')).toBe('[false,null]\n');
  });

  testWith(['jq'], testThoroughly)('jq reads whether ensure changed anything', async () => {
    const ensure = () =>
      workplace.tool('ensure', 'elastic/kibana', 'k1', '--file', 'tokens', '--token-file', 'token', '--json');
    expect(await workplace.pipe(await ensure(), 'jq', '.changed')).toBe('true\n');
    expect(await workplace.pipe(await ensure(), 'jq', '.changed')).toBe('false\n');
  });
});

describe('--output k8s-secret', () => {
  testWith(['python3-yaml'], testThoroughly)('a YAML parser reads a Secret with the token', async () => {
    const [secret, ...others] = await workplace.yaml(await create('-o', 'k8s-secret', '--namespace', '1'));
    expect(others).toEqual([]);
    expect(problemsOfSecret(secret)).toEqual([]);
    await expectAccepted(dataOf(secret)['token'] ?? '');
  });

  testWith(['kubectl', 'python3-yaml'], testThoroughly)('kubectl reads it', async () => {
    directory.write('secret/kustomization.yaml', 'resources: [secret.yaml]\n');
    directory.write('secret/secret.yaml', await create('-o', 'k8s-secret', '--name', 'true'));
    const [secret] = await workplace.yaml(await workplace.pipe('', 'kubectl', 'kustomize', 'secret'));
    expect(secret.metadata.name).toBe('true');
    await expectAccepted(dataOf(secret)['token'] ?? '');
  });
});

describe('export --output k8s-secret', () => {
  testWith(['python3-yaml'], testThoroughly)('has the tokens file, ready to be mounted', async () => {
    const bearer = await create('-s');
    const [secret] = await workplace.yaml(
      await workplace.tool(...'export -o k8s-secret --file tokens'.split(' ')),
    );
    expect(problemsOfSecret(secret)).toEqual([]);
    directory.write('mounted', dataOf(secret)['service_tokens']);
    await workplace.expectAccepted(bearer.trimEnd(), 'mounted');
  });
});
