/** The recipes in docs/recipes work. Programs that act on other machines have stand-ins (support/recipes.ts). */
import { chmodSync, chownSync, cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TokenStore } from '../../src/index.js';
import { BIN, run } from '../support/commands.js';
import { isRoot, testAsRoot } from '../support/needs.js';
import { hasProgram, testWith } from '../support/programs.js';
import {
  dataOf,
  parseEnvFile,
  problemsOfSecret,
  recipe,
  recipeNames,
  Workplace,
} from '../support/recipes.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { testThoroughly } from '../support/thoroughness.js';

jest.setTimeout(180_000); // Ansible is slow

const directory = temporaryDirectory();
let workplace: Workplace;
beforeEach(() => {
  workplace = new Workplace(directory.path);
});

const MAX_LINES = 15;
const isComment = (line: string) => /^\s*(#|$)/.test(line);
const textOf = (name: string) => readFileSync(recipe(name), 'utf8');

describe('Every recipe', () => {
  test.each(recipeNames)('%s has at most 15 lines, without comments', (name) => {
    const lines = textOf(name).split('\n');
    expect(lines.filter((line) => !isComment(line)).length).toBeLessThanOrEqual(MAX_LINES);
  });

  test.each(recipeNames)('%s is in the index', (name) => {
    expect(textOf('README.md')).toContain(`(${name})`);
  });

  testWith(['python3-yaml'])('is one document, if it is YAML', async () => {
    for (const name of recipeNames.filter((name) => /\.ya?ml$/.test(name))) {
      expect(await workplace.yaml(textOf(name))).toHaveLength(1);
    }
  });
});

describe('The check for exposed tokens', () => {
  const BEARER = 'AAEAAWVsYXN0aWMva2liYW5hL2sxOnVLVnVxcVhwUlRpUDFyQ3FEeWRHVlE';

  test.each([
    { place: 'an argument', script: 'true "$(cat token)"' },
    { place: 'the output', script: 'cat token' },
    { place: 'an argument of a program that acts elsewhere', script: 'docker "$(cat token)" 2> /dev/null' },
    { place: 'a file', script: '(umask 022; cat token > open)' },
  ])('detects a token in $place', async ({ script }) => {
    directory.write('token', BEARER);
    chmodSync(workplace.at('token'), 0o600);
    workplace.standIn('docker', '');
    expect(() => workplace.expectSecret(BEARER)).not.toThrow();
    const { stdout, stderr } = await workplace.succeed(directory.write('script', script));
    expect(() => workplace.expectSecret(BEARER, stdout, stderr)).toThrow();
  });
});

describe('docker-compose with Kibana', () => {
  const IMAGE_USER = { uid: 1000, gid: 0 };

  testWith(['python3-yaml'], testAsRoot)(
    'its commands create a token that Kibana receives and the image of Elasticsearch can read',
    async () => {
      const text = textOf('kibana/compose.yaml');
      const commands = [...text.matchAll(/^# {3}(.*)/gm)].map(([, line]) => line).join('\n');
      workplace.standIn('docker', '');
      cpSync(recipe('kibana/kibana.yml'), workplace.at('kibana.yml'));
      const script = directory.write('commands.sh', `set -e\n${commands}\n`);
      const first = await workplace.succeed(script);
      expect(first.stdout).toBe('created\n');
      expect((await workplace.succeed(script)).stdout).toBe('unchanged\n');
      expect(workplace.calls()).toEqual(['docker compose up -d', 'docker compose up -d']);

      const [{ services }] = await workplace.yaml(text);
      const variables = parseEnvFile(workplace.read(services.kibana.env_file));
      const [kibana] = await workplace.yaml(workplace.read('kibana.yml'));
      const bearer = kibana['elasticsearch.serviceAccountToken'].replace(
        /\$\{(\w+)\}/g,
        (_: string, name: string) => variables[name],
      );
      const [mounted] = services.elasticsearch.volumes[0].split(':');
      await workplace.expectAccepted(bearer, mounted);
      workplace.expectSecret(bearer, first.stdout, first.stderr);
      chmodSync(directory.path, 0o755); // in the container, the mount bypasses the directory
      expect(await run('cat', [workplace.at(mounted)], IMAGE_USER)).toMatchObject({ status: 0 });
    },
  );
});

describe('docker-compose with Fleet Server', () => {
  testWith(['python3-yaml'], testAsRoot)(
    'its service ensures a token in the volumes, twice, as the user of both images',
    async () => {
      const [{ services }] = await workplace.yaml(textOf('fleet-server/compose.yaml'));
      const [uid, gid] = services.tokens.user.split(':').map(Number);
      // Docker fills the volumes with the owners and modes of the directories in the images.
      const config = directory.mkdir('config');
      const tokens = directory.mkdir('tokens');
      chmodSync(directory.path, 0o755);
      chmodSync(config, 0o775);
      chownSync(tokens, uid, gid);
      chmodSync(tokens, 0o700);
      const args = services.tokens.command
        .split(/\s+/)
        .map((arg: string) => arg.replace(/^\/(?=config|tokens)/, `${directory.path}/`));
      const ensure = () => run(process.execPath, [BIN, ...args], { uid, gid, cwd: '/' });
      expect(await ensure()).toEqual({ status: 0, stdout: 'created\n', stderr: '' });
      expect(await ensure()).toEqual({ status: 0, stdout: 'unchanged\n', stderr: '' });
      const { FLEET_SERVER_SERVICE_TOKEN_PATH: path } = services['fleet-server'].environment;
      const bearer = await run('cat', [`${directory.path}${path}`], { uid, gid });
      await workplace.expectAccepted(bearer.stdout, 'config/service_tokens');
      workplace.expectSecret(bearer.stdout);
    },
  );
});

describe('docker compose config', () => {
  // Debian's package is one or the other, depending on its version.
  const client = hasProgram('docker compose') ? 'docker compose' : 'docker-compose';

  for (const [name, service] of [
    ['kibana', 'kibana'],
    ['fleet-server', 'tokens'],
  ] as const) {
    testWith([client], testThoroughly)(`accepts ${name}/compose.yaml`, async () => {
      cpSync(recipe(name), workplace.at(name), { recursive: true });
      directory.write(`${name}/kibana.env`, 'SERVICE_TOKEN=x\n');
      const [program = '', ...args] = client.split(' ');
      const text = await workplace.pipe(
        '',
        program,
        ...args,
        '-f',
        `${name}/compose.yaml`,
        'config',
        '--services',
      );
      expect(text.split('\n')).toContain(service);
    });
  }
});

describe('Ansible', () => {
  testWith(['ansible-playbook'], testThoroughly)(
    'the second run changes nothing, --check only reports changes, and no log shows the token',
    async () => {
      for (const name of ['store', 'node1', 'node2']) chmodSync(directory.mkdir(name), 0o700);
      const inventory = ['node1', 'node2'].map(
        (name) =>
          `${name} ansible_connection=local ansible_become=false ansible_python_interpreter=auto_silent`,
      );
      directory.write('inventory', `[elasticsearch]\n${inventory.join('\n')}\n`);
      const group = (await workplace.pipe('', 'id', '-gn')).trim();
      const variables = {
        store: workplace.at('store'),
        config: `${directory.path}/{{ inventory_hostname }}`,
        owner: userInfo().username,
        group,
      };
      const play = async (...options: string[]) => {
        const args = [
          '-vvv',
          '--diff',
          '-i',
          'inventory',
          recipe('ansible.yml'),
          '-e',
          JSON.stringify(variables),
          ...options,
        ];
        const { status, stdout, stderr } = await workplace.run('ansible-playbook', args, {
          ANSIBLE_NOCOLOR: '1',
        });
        const changed = [...stdout.matchAll(/^(node\d) +: .*changed=(\d+)/gm)].map(
          ([, node, count]) => `${node} ${count}`,
        );
        return { status, changed, log: stdout + stderr };
      };
      const first = await play();
      expect(first).toMatchObject({ status: 0, changed: ['node1 2', 'node2 1'] });
      const second = await play();
      expect(second).toMatchObject({ status: 0, changed: ['node1 0', 'node2 0'] });
      const bearer = workplace.read('store/kibana-1');
      for (const node of ['node1', 'node2']) {
        await workplace.expectAccepted(bearer, `${node}/service_tokens`);
        expect(statSync(workplace.at(`${node}/service_tokens`)).mode & 0o777).toBe(0o640);
      }

      await workplace.tool('delete', 'elastic/kibana/kibana-1', '--file', 'store/service_tokens');
      const entries = workplace.read('store/service_tokens');
      const checked = await play('--check');
      expect(checked).toMatchObject({
        status: 0,
        changed: [expect.stringMatching(/^node1 [12]$/), expect.any(String)],
      });
      expect(workplace.read('store/service_tokens')).toBe(entries);
      expect(workplace.read('store/kibana-1')).toBe(bearer);
      workplace.expectSecret(bearer, first.log, second.log, checked.log);
    },
  );
});

/** Puts a stand-in for kubectl on the PATH, which appends the input of `kubectl apply -f -` to `applied`. */
function standInForKubectl(): void {
  const real = hasProgram('kubectl')
    ? `exec "${'$'}(PATH=${process.env['PATH']} command -v kubectl)" "$@"`
    : '';
  workplace.standIn(
    'kubectl',
    `case $1 in
  apply) { cat; echo ---; } >> "$BASE/applied"; chmod 600 "$BASE/applied" ;;
  create) ${real || createSecret} ;;
  patch) cat "$(for each; do last=$each; done; echo "$last")" > "$BASE/patch-of-$3" ;;
esac`,
  );
}

/** If kubectl is not installed: `create secret generic NAME -n NAMESPACE --from-file=token=PATH ...` */
const createSecret = `printf 'apiVersion: v1\\nkind: Secret\\nmetadata: {name: %s, namespace: %s}\\ndata: {token: %s}\\n' \
"$4" "$6" "$(base64 -w0 "\${7#--from-file=token=}")"`;

describe('Kubernetes without ECK', () => {
  testWith(['python3-yaml'], testThoroughly)(
    'applies the hashes, the token and the patches, and the same again in a second run',
    async () => {
      standInForKubectl();
      const apply = () => workplace.succeed(recipe('kubernetes/apply.sh'), ['elastic', 'store']);
      const [first, second] = [await apply(), await apply()];
      const applied = (await workplace.yaml(workplace.read('applied'))).filter(
        (document) => document !== null,
      );
      expect(applied.map(problemsOfSecret)).toEqual([[], [], [], []]);
      expect(applied.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).slice(0, 2)).toEqual([
        'elastic/service-tokens',
        'elastic/kibana-token',
      ]);
      expect(applied.slice(2)).toEqual(applied.slice(0, 2));
      const [hashes, token] = applied.map(dataOf);
      directory.write('config/tokens/service_tokens', hashes?.['service_tokens']);
      const bearer = token?.['token'] ?? '';
      await workplace.expectAccepted(bearer, 'config/tokens/service_tokens');
      workplace.expectSecret(bearer, first.stdout, first.stderr, second.stdout, second.stderr);
    },
  );

  testWith(['python3-yaml', 'kubectl'], testThoroughly)(
    'kubectl merges the patches into the manifests of the nodes and of Kibana',
    async () => {
      const podOf = async (kind: string, name: string) => {
        const containers = [{ name, image: 'x' }];
        const manifest = {
          apiVersion: 'apps/v1',
          kind,
          metadata: { name },
          spec: { template: { spec: { containers } } },
        };
        directory.write(`${name}.json`, JSON.stringify(manifest));
        const patch = ['--patch-file', recipe(`kubernetes/${name}.yaml`)];
        const merged = await workplace.pipe(
          '',
          'kubectl',
          'patch',
          '--local',
          '-f',
          `${name}.json`,
          ...patch,
          '-o',
          'json',
        );
        return JSON.parse(merged).spec.template.spec;
      };
      const nodes = await podOf('StatefulSet', 'elasticsearch');
      const [{ volumeMounts, lifecycle, image }] = nodes.containers;
      expect(image).toBe('x');
      expect(nodes.volumes).toEqual([
        { name: volumeMounts[0].name, secret: { secretName: 'service-tokens', defaultMode: 0o440 } },
      ]);
      const kibana = await podOf('Deployment', 'kibana');
      expect(kibana.containers[0].env).toEqual([
        { name: 'SERVICE_TOKEN', valueFrom: { secretKeyRef: { name: 'kibana-token', key: 'token' } } },
      ]);

      // The hook, with the directory of this test in place of the container's.
      const config = directory.mkdir('config');
      const command: string[] = lifecycle.postStart.exec.command.map((arg: string) =>
        arg.replace('/usr/share/elasticsearch/config', config),
      );
      const mounted = volumeMounts[0].mountPath.replace('/usr/share/elasticsearch/', '');
      await workplace.tool(
        'create',
        'elastic/kibana',
        'k1',
        '--file',
        directory.write(`${mounted}/service_tokens`),
      );
      for (let times = 0; times < 2; times++) await workplace.pipe('', ...(command as [string, ...string[]]));
      expect(await workplace.tool('list', '--config-dir', config)).toBe('elastic/kibana/k1\n');
    },
  );
});

describe('Kubernetes with ECK', () => {
  testWith(['python3-yaml'], testThoroughly)(
    'applies a Secret for each token, with the labels and keys that ECK expects',
    async () => {
      standInForKubectl();
      const { stdout, stderr } = await workplace.succeed(recipe('eck.sh'), ['elastic', 'es', 'store']);
      const [secret] = await workplace.yaml(workplace.read('applied'));
      expect(problemsOfSecret(secret)).toEqual([]);
      expect(secret.metadata.labels).toMatchObject({
        'common.k8s.elastic.co/type': 'service-account-token',
        'eck.k8s.elastic.co/watched': 'true',
        'elasticsearch.k8s.elastic.co/cluster-name': 'es',
      });
      const { name, hash } = dataOf(secret);
      directory.write('merged', `${name}:${hash}\n`);
      const bearer = workplace.read('store/kibana-1');
      await workplace.expectAccepted(bearer, 'merged');
      workplace.expectSecret(bearer, stdout, stderr);
    },
  );
});

describe('GitHub Actions', () => {
  testWith(['python3-yaml'], testThoroughly)(
    'its step passes the token to the next one, and shows it in the log only as a mask',
    async () => {
      const [workflow] = await workplace.yaml(textOf('github-actions.yml'));
      const steps: { run?: string }[] = workflow.jobs.test.steps;
      const step = directory.write('step.sh', steps.find(({ run = '' }) => run.includes('create'))?.run);
      directory.write('github-env', 'OTHER=1\n');
      chmodSync(workplace.at('github-env'), 0o600);
      const env = { RUNNER_TEMP: directory.mkdir('temp'), GITHUB_ENV: workplace.at('github-env') };
      const options = ['--noprofile', '--norc', '-exo', 'pipefail']; // the options of the runner, and a trace
      const { status, stdout, stderr } = await workplace.run('bash', [...options, step], env);
      expect(status).toBe(0);
      const bearer = parseEnvFile(workplace.read('github-env'))['ELASTICSEARCH_SERVICEACCOUNTTOKEN'] ?? '';
      await workplace.expectAccepted(bearer, 'temp/service_tokens');
      expect(stdout).toBe(`::add-mask::${bearer}\n`); // which the runner removes from the log
      workplace.expectSecret(bearer, stderr);
    },
  );
});

/** The files of `mktemp` that were not removed. */
const temporaryLeftovers = () => readdirSync(directory.path).filter((name) => name.startsWith('tmp.'));

describe('Plain CI', () => {
  testThoroughly(
    'the node has the hash before it starts, the tests have the variable, and nothing is left',
    async () => {
      workplace.standIn(
        'docker',
        `case $1 in
  cp) cp -p "$2" "$BASE/copied" ;;
  run) while [ "$1" != --env-file ]; do shift; done; cp -p "$2" "$BASE/env-file" ;;
esac`,
      );
      const { stdout, stderr } = await workplace.succeed(recipe('ci.sh'), ['tests', 'npm', 'test']);
      expect(workplace.calls().map((call) => call.split(' ')[1])).toEqual([
        'create',
        'cp',
        'start',
        'run',
        'rm',
      ]);
      expect(workplace.calls()[3]).toMatch(/ tests npm test$/);
      expect(statSync(workplace.at('copied')).mode & 0o777).toBe(0o640);
      const bearer = parseEnvFile(workplace.read('env-file'))['ELASTICSEARCH_SERVICEACCOUNTTOKEN'] ?? '';
      await workplace.expectAccepted(bearer, 'copied');
      workplace.expectSecret(bearer, stdout, stderr);
      expect(temporaryLeftovers()).toEqual([]);
    },
  );

  testThoroughly('nothing is left, even if docker fails', async () => {
    workplace.standIn('docker', 'exit 1');
    expect((await workplace.runTraced(recipe('ci.sh'), ['tests'])).status).not.toBe(0);
    expect(temporaryLeftovers()).toEqual([]);
  });
});

describe('Rotation', () => {
  testWith(['curl'], testThoroughly)(
    'a node accepts the old token until Kibana is restarted, the new one then, and at the end only that',
    async () => {
      const config = directory.mkdir('config');
      const tokensFile = `${config}/service_tokens`;
      await workplace.tool(
        'create',
        'elastic/kibana',
        'kibana-1',
        '--file',
        tokensFile,
        '-o',
        'env',
        '--env-name',
        'SERVICE_TOKEN',
        '--token-file',
        'token.env',
      );
      const old = parseEnvFile(workplace.read('token.env'))['SERVICE_TOKEN'] ?? '';
      const store = await TokenStore.open(tokensFile, { watch: true });
      const server = createServer(async ({ headers }, response) => {
        const { authenticated } = await store.authenticate(headers.authorization ?? '');
        response.writeHead(authenticated ? 200 : 401).end();
      });
      try {
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        directory.write('old-header', `Authorization: Bearer ${old}\n`);
        chmodSync(workplace.at('old-header'), 0o600);
        workplace.standIn(
          'systemctl',
          `ask() { curl -s -o /dev/null -w '%{http_code}\\n' -H @- ${url} >> "$BASE/answers"; }
ask < "$BASE/old-header"
sed 's/^[^=]*=/Authorization: Bearer /' "$BASE/token.env" | ask`,
        );
        const env = { ES_PATH_CONF: config, TOKEN_ENV: workplace.at('token.env') };
        const { stdout, stderr } = await workplace.succeed(recipe('rotate.sh'), [url], env);
        expect(stdout).toBe('');
        expect(workplace.calls()).toEqual(['systemctl restart kibana']);
        expect(workplace.read('answers')).toBe('200\n200\n');
        const bearer = parseEnvFile(workplace.read('token.env'))['SERVICE_TOKEN'] ?? '';
        await workplace.expectAccepted(bearer, tokensFile);
        expect(await workplace.tool('list', '--file', tokensFile)).toBe('elastic/kibana/kibana-1_r2\n');
        workplace.expectSecret(bearer, stdout, stderr);
        workplace.expectSecret(old, stdout, stderr);
      } finally {
        server.closeAllConnections();
        server.close();
        await store.close();
      }
    },
  );
});

describe('One file for every node', () => {
  testWith(['jq'], testThoroughly)(
    'adds, replaces and deletes until the nodes have the same tokens, and then changes nothing',
    async () => {
      workplace.standIn('ssh', 'node=$1; shift; cd /; export ES_PATH_CONF="$BASE/$node"; exec sh -c "$*"');
      workplace.standIn('sudo', 'exec "$@"');
      for (const node of ['node1', 'node2']) {
        const settings = directory.write(`${node}/elasticsearch.yml`);
        if (isRoot) chownSync(settings, 1000, 1000); // so that root can determine who must be able to read the tokens
      }
      chmodSync(directory.path, 0o755);
      const create = async (name: string, ...place: string[]) =>
        (await workplace.tool('create', '-s', 'elastic/kibana', name, ...place)).trim();
      await create('only-there', '--config-dir', 'node2');
      await create('in-both', '--config-dir', 'node2');
      const bearers = [
        await create('in-both', '--file', 'tokens'),
        await create('only-here', '--file', 'tokens'),
      ];
      const distribute = () => workplace.succeed(recipe('every-node.sh'), ['tokens', 'node1', 'node2']);

      await distribute();
      const inodeOf = (node: string) => statSync(workplace.at(`${node}/service_tokens`)).ino;
      const before = ['node1', 'node2'].map(inodeOf);
      for (const node of ['node1', 'node2']) {
        await workplace.tool('diff', 'tokens', `${node}/service_tokens`);
        for (const bearer of bearers) await workplace.expectAccepted(bearer, `${node}/service_tokens`);
      }
      expect((await distribute()).stdout).toBe('');
      expect(['node1', 'node2'].map(inodeOf)).toEqual(before);
      expect(workplace.calls().filter((call) => call.includes('{PBKDF2'))).toEqual([]);
    },
  );

  testWith(['jq'], testThoroughly)('deletes nothing if the file does not exist', async () => {
    workplace.standIn('ssh', 'shift; cd /; export ES_PATH_CONF="$BASE/node1"; exec sh -c "$*"');
    workplace.standIn('sudo', 'exec "$@"');
    directory.mkdir('node1');
    await workplace.tool('create', 'elastic/kibana', 'k1', '--config-dir', 'node1');
    const { status } = await workplace.runTraced(recipe('every-node.sh'), ['misspelled', 'node1']);
    expect(status).not.toBe(0);
    expect(await workplace.tool('list', '--config-dir', 'node1')).toBe('elastic/kibana/k1\n');
  });

  testWith(['jq'], testThoroughly)('a node that cannot be reached is an error', async () => {
    workplace.standIn('ssh', 'exit 255');
    await workplace.tool('create', 'elastic/kibana', 'k1', '--file', 'tokens');
    expect((await workplace.runTraced(recipe('every-node.sh'), ['tokens', 'node1'])).status).not.toBe(0);
  });
});

describe('A read-only image', () => {
  const standInForDocker = () =>
    workplace.standIn(
      'docker',
      `case $1 in
  run) while [ "$1" != -c ]; do shift; done; cd "$BASE/image"; exec sh -c "$2" ;;
  build) cp -r "$4" "$BASE/built" ;;
esac`,
    );
  const args = ['old:1', 'new:1', 'token'];
  const build = () => workplace.succeed(recipe('read-only-image.sh'), args);

  testThoroughly('gets a tokens file with one more token, and no secret', async () => {
    standInForDocker();
    directory.mkdir('image/config');
    const { stdout, stderr } = await build();
    await workplace.expectAccepted(workplace.read('token'), 'built/service_tokens');
    expect(temporaryLeftovers()).toEqual([]);
    expect(workplace.read('built/Dockerfile')).toMatch(/^FROM old:1\nCOPY --chmod=640 service_tokens \S+\n$/);
    workplace.expectSecret(workplace.read('token'), stdout, stderr);
  });

  testThoroughly('keeps its tokens', async () => {
    standInForDocker();
    const file = directory.write('image/config/service_tokens');
    const other = await workplace.tool('create', '-s', 'elastic/kibana', 'other', '--file', file);
    await build();
    await workplace.expectAccepted(other.trim(), 'built/service_tokens');
    await workplace.expectAccepted(workplace.read('token'), 'built/service_tokens');
  });

  testThoroughly('is not built if the token file exists', async () => {
    standInForDocker();
    directory.mkdir('image/config');
    directory.write('token', 'something else');
    expect((await workplace.runTraced(recipe('read-only-image.sh'), args)).status).not.toBe(0);
    expect(workplace.exists('built')).toBe(false);
    expect(workplace.read('token')).toBe('something else');
  });
});
