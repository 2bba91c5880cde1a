/** The recipes in docs/recipes work. Programs that act on other machines have stand-ins (support/recipes.ts). */
import { chmodSync, chownSync, cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { describe, expect, jest, test } from '@jest/globals';
import { isRoot, testAsRoot } from '../support/needs.js';
import { hasProgram, testWith } from '../support/programs.js';
import { dataOf, parseEnvFile, recipe, Workplace } from '../support/recipes.js';
import { testThoroughly } from '../support/thoroughness.js';

jest.setTimeout(180_000); // Ansible is slow

const workplace = new Workplace();
const { directory } = workplace;
const textOf = (name: string) => readFileSync(recipe(name), 'utf8');
const modeOf = (name: string) => statSync(workplace.at(name)).mode & 0o777;
/** The files of `mktemp` that were not removed. */
const temporaryFiles = () => readdirSync(directory.path).filter((name) => name.startsWith('tmp.'));

test('every recipe is in the index', () => {
  const names = readdirSync(recipe(''), { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name !== 'README.md' && statSync(recipe(name)).isFile());
  expect(files.filter((name) => !textOf('README.md').includes(`(${name})`))).toEqual([]);
});

test.each([
  ['an argument', 'true "$(cat token)"'],
  ['the output', 'cat token'],
  ['an argument of a program that acts elsewhere', 'docker "$(cat token)" 2> /dev/null'],
  ['a file', '(umask 022; cat token > open)'],
])('the check for exposed tokens detects one in %s', async (_, script) => {
  const bearer = 'AAEAAWVsYXN0aWMva2liYW5hL2sxOnVLVnVxcVhwUlRpUDFyQ3FEeWRHVlE';
  chmodSync(directory.write('token', bearer), 0o600);
  workplace.standIn('docker');
  workplace.expectSecret(bearer);
  const finished = await workplace.succeed(directory.write('script', script));
  expect(() => workplace.expectSecret(bearer, finished)).toThrow();
});

describe('docker-compose', () => {
  testWith(['python3-yaml'], testAsRoot)(
    'with Kibana: its commands create a token that Kibana receives and the image of Elasticsearch can read',
    async () => {
      const text = textOf('kibana/compose.yaml');
      const commands = [...text.matchAll(/^# {3}(.*)/gm)].map(([, line]) => line).join('\n');
      workplace.standIn('docker');
      cpSync(recipe('kibana/kibana.yml'), workplace.at('kibana.yml'));
      const script = directory.write('commands.sh', `set -e\n${commands}\n`);
      const first = await workplace.succeed(script);
      expect([first.stdout, (await workplace.succeed(script)).stdout]).toEqual(['created\n', 'unchanged\n']);
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
      workplace.expectSecret(bearer, first);
      chmodSync(directory.path, 0o755); // in the container, the mount bypasses the directory
      await workplace.sh(`cat ${mounted}`, '', { uid: 1000, gid: 0 }); // the user of the image
    },
  );

  testWith(['python3-yaml'], testAsRoot)(
    'with both: one .env gets the token of each, and keeps its other variables',
    async () => {
      const text = textOf('stack/compose.yaml');
      const commands = [...text.matchAll(/^# {3}(.*)/gm)].map(([, line]) => line).join('\n');
      workplace.standIn('docker');
      chmodSync(directory.write('.env', 'STACK_VERSION=9.1.4\n'), 0o600);
      const script = directory.write('commands.sh', `set -e\n${commands}\n`);
      const first = await workplace.succeed(script);
      const env = workplace.read('.env');
      expect([first.stdout, (await workplace.succeed(script)).stdout]).toEqual([
        'created\ncreated\n',
        'unchanged\nunchanged\n',
      ]);
      expect(workplace.read('.env')).toBe(env);
      const { STACK_VERSION, ...tokens } = parseEnvFile(env);
      expect([STACK_VERSION, Object.keys(tokens)]).toEqual(['9.1.4', ['KIBANA_TOKEN', 'FLEET_TOKEN']]);
      const [{ services }] = await workplace.yaml(text);
      expect(services.kibana.environment.SERVICE_TOKEN).toContain('KIBANA_TOKEN');
      expect(services['fleet-server'].environment.FLEET_SERVER_SERVICE_TOKEN).toContain('FLEET_TOKEN');
      for (const bearer of Object.values(tokens)) {
        await workplace.expectAccepted(bearer, 'service_tokens');
        workplace.expectSecret(bearer, first);
      }
    },
  );

  testWith(['python3-yaml'], testAsRoot)(
    'with Fleet Server: its service ensures a token in the volumes, twice, as the user of both images',
    async () => {
      const [{ services }] = await workplace.yaml(textOf('fleet-server/compose.yaml'));
      const [uid, gid] = services.tokens.user.split(':').map(Number);
      // Docker fills the volumes with the owners and modes of the directories in the images.
      const [config, tokens] = [directory.mkdir('config'), directory.mkdir('tokens')];
      chmodSync(directory.path, 0o755);
      chmodSync(config, 0o775);
      chownSync(tokens, uid, gid);
      chmodSync(tokens, 0o700);
      const args = services.tokens.command.replace(/ \/(?=config|tokens)/g, ` ${directory.path}/`);
      const ensure = () => workplace.sh(`elasticsearch-service-tokens ${args}`, '', { uid, gid });
      expect([await ensure(), await ensure()]).toEqual(['created\n', 'unchanged\n']);
      const { FLEET_SERVER_SERVICE_TOKEN_PATH: path } = services['fleet-server'].environment;
      const bearer = await workplace.sh(`cat ${directory.path}${path}`, '', { uid, gid });
      await workplace.expectAccepted(bearer, 'config/service_tokens');
      workplace.expectSecret(bearer);
    },
  );

  // Debian's package is one or the other, depending on its version.
  const client = hasProgram('docker compose') ? 'docker compose' : 'docker-compose';
  testWith([client], testThoroughly)('accepts the files', async () => {
    cpSync(recipe(''), workplace.at('recipes'), { recursive: true });
    directory.write('recipes/kibana/kibana.env', 'SERVICE_TOKEN=x\n');
    const services = (name: string) =>
      workplace.sh(`${client} -f recipes/${name}/compose.yaml config --services`);
    expect((await services('kibana')).split('\n')).toContain('kibana');
    expect((await services('fleet-server')).split('\n')).toContain('tokens');
  });
});

testWith(['ansible-playbook'], testThoroughly)(
  'Ansible: the second run changes nothing, --check only reports changes, and no log shows the token',
  async () => {
    for (const name of ['store', 'node1', 'node2']) chmodSync(directory.mkdir(name), 0o700);
    const settings = 'ansible_connection=local ansible_become=false ansible_python_interpreter=auto_silent';
    directory.write('inventory', `[elasticsearch]\nnode1 ${settings}\nnode2 ${settings}\n`);
    const variables = JSON.stringify({
      store: workplace.at('store'),
      config: `${directory.path}/{{ inventory_hostname }}`,
      owner: userInfo().username,
      group: (await workplace.sh('id -gn')).trim(),
    });
    const play = async (...options: string[]) => {
      const args = ['-vvv', '--diff', '-i', 'inventory', recipe('ansible.yml'), '-e', variables, ...options];
      const env = { ANSIBLE_NOCOLOR: '1' };
      const finished = await workplace.run('ansible-playbook', args, { env });
      const changed = [...finished.stdout.matchAll(/^(node\d) +: .*changed=(\d+)/gm)];
      return { ...finished, changed: changed.map(([, node, count]) => `${node} ${count}`) };
    };
    const initial = await play('--check');
    expect(initial).toMatchObject({ status: 0, changed: ['node1 1', 'node2 0'] });
    expect(readdirSync(workplace.at('store'))).toEqual([]);
    const first = await play();
    expect(first).toMatchObject({ status: 0, changed: ['node1 2', 'node2 1'] });
    const second = await play();
    expect(second).toMatchObject({ status: 0, changed: ['node1 0', 'node2 0'] });
    const bearer = workplace.read('store/kibana-1');
    for (const node of ['node1', 'node2']) {
      await workplace.expectAccepted(bearer, `${node}/service_tokens`);
      expect(modeOf(`${node}/service_tokens`)).toBe(0o640);
    }
    await workplace.tool('delete elastic/kibana/kibana-1 --file store/service_tokens');
    const entries = workplace.read('store/service_tokens');
    const checked = await play('--check');
    expect(checked).toMatchObject({ status: 0, changed: [expect.stringMatching(/^node1 [12]$/), 'node2 1'] });
    expect(workplace.read('store/service_tokens')).toBe(entries);
    expect(workplace.read('store/kibana-1')).toBe(bearer);
    workplace.expectSecret(bearer, first, second, checked);
  },
);

describe('Kubernetes', () => {
  /** A stand-in for kubectl, which appends the input of `kubectl apply -f -` to `applied`. */
  function standInForKubectl(): void {
    const real = `exec "$(PATH='${process.env['PATH']}' command -v kubectl)" "$@"`;
    const secret = `printf 'apiVersion: v1\\nkind: Secret\\nmetadata: {name: %s, namespace: %s}\\ndata: {token: %s}\\n' \
"$4" "$6" "$(base64 -w0 "\${7#--from-file=token=}")"`;
    workplace.standIn(
      'kubectl',
      `case $1 in
  apply) { cat; echo ---; } >> "$BASE/applied"; chmod 600 "$BASE/applied" ;;
  create) ${hasProgram('kubectl') ? real : secret} ;;
esac`,
    );
  }

  testWith(['python3-yaml'], testThoroughly)(
    'without ECK: applies the hashes, the token and the patches, and the same again in a second run',
    async () => {
      standInForKubectl();
      const apply = () => workplace.succeed(recipe('kubernetes/apply.sh'), 'elastic store');
      const [first, second] = [await apply(), await apply()];
      const applied = await workplace.yaml(workplace.read('applied'));
      expect(applied.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).slice(0, 2)).toEqual([
        'elastic/service-tokens',
        'elastic/kibana-token',
      ]);
      expect(applied.slice(2)).toEqual(applied.slice(0, 2));
      const [hashes, token] = applied.map(dataOf);
      directory.write('mounted', hashes?.['service_tokens']);
      await workplace.expectAccepted(token?.['token'], 'mounted');
      workplace.expectSecret(token?.['token'] ?? '', first, second);
    },
  );

  testWith(['python3-yaml', 'kubectl'], testThoroughly)(
    'without ECK: kubectl merges the patches into the manifests of the nodes and of Kibana',
    async () => {
      const podOf = async (kind: string, name: string) => {
        const spec = { template: { spec: { containers: [{ name, image: 'x' }] } } };
        const manifest = { apiVersion: 'apps/v1', kind, metadata: { name }, spec };
        directory.write('manifest', JSON.stringify(manifest));
        const patch = `--patch-file '${recipe(`kubernetes/${name}.yaml`)}'`;
        const merged = await workplace.sh(`kubectl patch --local -f manifest -o json ${patch}`);
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
      const inTest = (path: string) => path.replace('/usr/share/elasticsearch/config', config);
      const hook = lifecycle.postStart.exec.command.map(inTest).join(' ');
      directory.mkdir('config/tokens');
      await workplace.tool(
        `create elastic/kibana k1 --file ${inTest(volumeMounts[0].mountPath)}/service_tokens`,
      );
      await workplace.sh(`${hook} && ${hook}`);
      expect(await workplace.tool('list --config-dir config')).toBe('elastic/kibana/k1\n');
    },
  );

  testWith(['python3-yaml'], testThoroughly)(
    'with ECK: applies a Secret for each token, with the labels and keys that ECK expects',
    async () => {
      standInForKubectl();
      const finished = await workplace.succeed(recipe('eck.sh'), 'elastic es store');
      const [secret] = await workplace.yaml(workplace.read('applied'));
      expect(secret.metadata.labels).toMatchObject({
        'common.k8s.elastic.co/type': 'service-account-token',
        'eck.k8s.elastic.co/watched': 'true',
        'elasticsearch.k8s.elastic.co/cluster-name': 'es',
      });
      const { name, hash } = dataOf(secret);
      directory.write('merged', `${name}:${hash}\n`);
      const bearer = workplace.read('store/kibana-1');
      await workplace.expectAccepted(bearer, 'merged');
      workplace.expectSecret(bearer, finished);
    },
  );
});

testWith(['python3-yaml'], testThoroughly)(
  'GitHub Actions: its step passes the token to the next one, and shows it in the log only as a mask',
  async () => {
    const [workflow] = await workplace.yaml(textOf('github-actions.yml'));
    const steps: { run?: string }[] = workflow.jobs.test.steps;
    const step = directory.write('step.sh', steps.find(({ run = '' }) => run.includes('create'))?.run);
    chmodSync(directory.write('github-env', 'OTHER=1\n'), 0o600);
    const env = { RUNNER_TEMP: directory.mkdir('temp'), GITHUB_ENV: workplace.at('github-env') };
    const options = ['--noprofile', '--norc', '-exo', 'pipefail']; // the options of the runner, and a trace
    const finished = await workplace.run('bash', [...options, step], { env });
    expect(finished.status).toBe(0);
    const bearer = parseEnvFile(workplace.read('github-env'))['ELASTICSEARCH_SERVICEACCOUNTTOKEN'] ?? '';
    await workplace.expectAccepted(bearer, 'temp/service_tokens');
    expect(finished.stdout).toBe(`::add-mask::${bearer}\n`); // which the runner removes from the log
    workplace.expectSecret(bearer, { ...finished, stdout: '' });
  },
);

test('Kibana reads the token from its keystore, and a second run changes nothing', async () => {
  workplace.standIn(
    'kibana-keystore',
    `case $1 in list) ! [ -e "$BASE/keystore" ] || echo elasticsearch.serviceAccountToken ;;
  add) umask 077; cat > "$BASE/keystore" ;; esac`,
  );
  workplace.standIn('systemctl');
  const settings = directory.write('config/elasticsearch.yml');
  if (isRoot) chownSync(settings, 1000, 1000); // so that root can determine who must be able to read the tokens
  const run = () =>
    workplace.succeed(recipe('kibana-keystore.sh'), 'store', { ES_PATH_CONF: workplace.at('config') });
  const runs = [await run(), await run()];
  expect(workplace.calls()).toEqual([
    'kibana-keystore add --force --stdin elasticsearch.serviceAccountToken',
    'systemctl restart kibana',
    'kibana-keystore list',
  ]);
  await workplace.expectAccepted(workplace.read('keystore'), 'config/service_tokens');
  workplace.expectSecret(workplace.read('keystore'), ...runs);
});

test('Revoking an account deletes all its tokens on every node, and only those', async () => {
  workplace.standIn('ssh', 'node=$1; shift; cd /; export ES_PATH_CONF="$BASE/$node"; exec sh -c "$*"');
  workplace.standIn('sudo', 'exec "$@"');
  for (const node of ['node1', 'node2']) {
    for (const token of ['kibana/a', 'fleet-server/f'])
      await workplace.tool(`create elastic/${token} --file ${directory.write(`${node}/service_tokens`)}`);
  }
  await workplace.tool('create elastic/kibana b --file node1/service_tokens');
  await workplace.succeed(recipe('revoke.sh'), 'elastic/kibana node1 node2');
  for (const node of ['node1', 'node2'])
    expect(await workplace.tool(`list --file ${node}/service_tokens`)).toBe('elastic/fleet-server/f\n');
});

describe('Plain CI', () => {
  testThoroughly(
    'the node has the hash before it starts, the tests have the variable, nothing is left',
    async () => {
      workplace.standIn(
        'docker',
        `case $1 in
  cp) cp -p "$2" "$BASE/copied" ;;
  run) while [ "$1" != --env-file ]; do shift; done; cp -p "$2" "$BASE/env-file" ;;
esac`,
      );
      const finished = await workplace.succeed(recipe('ci.sh'), 'tests npm test');
      const actions = workplace.calls().map((call) => call.split(' ')[1]);
      expect(actions).toEqual(['create', 'cp', 'start', 'run', 'rm']);
      expect(workplace.calls()[3]).toMatch(/ tests npm test$/);
      expect(modeOf('copied')).toBe(0o640);
      const bearer = parseEnvFile(workplace.read('env-file'))['ELASTICSEARCH_SERVICEACCOUNTTOKEN'] ?? '';
      await workplace.expectAccepted(bearer, 'copied');
      workplace.expectSecret(bearer, finished);
      expect(temporaryFiles()).toEqual([]);
    },
  );

  testThoroughly('nothing is left, even if docker fails', async () => {
    workplace.standIn('docker', 'exit 1');
    expect((await workplace.trace(recipe('ci.sh'), 'tests')).status).not.toBe(0);
    expect(temporaryFiles()).toEqual([]);
  });
});

testWith(['curl'], testThoroughly)(
  'rotation: a node accepts the old token until Kibana is restarted, the new one then, and at the end only that',
  async () => {
    const tokensFile = directory.write('config/service_tokens');
    const options = '-o env --env-name SERVICE_TOKEN --token-file token.env';
    await workplace.tool(`create elastic/kibana kibana-1 --file ${tokensFile} ${options}`);
    const read = () => parseEnvFile(workplace.read('token.env'))['SERVICE_TOKEN'] ?? '';
    const old = read();
    const ensured = () => workplace.tool(`ensure elastic/kibana kibana-1 --file ${tokensFile} ${options}`);
    expect(await ensured()).toBe('unchanged\n');
    const server = createServer(async ({ headers: { authorization = '' } }, response) => {
      const input = authorization.replace('Bearer ', '');
      const { status } = await workplace.run(
        workplace.at('bin/elasticsearch-service-tokens'),
        ['verify', '--file', tokensFile],
        { input },
      );
      response.writeHead(status === 0 ? 200 : 401).end();
    });
    try {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      chmodSync(directory.write('old-header', `Authorization: Bearer ${old}\n`), 0o600);
      workplace.standIn(
        'systemctl',
        `ask() { curl -s -o /dev/null -w '%{http_code}\\n' -H @- ${url} >> "$BASE/answers"; }
ask < "$BASE/old-header"
sed 's/^[^=]*=/Authorization: Bearer /' "$BASE/token.env" | ask`,
      );
      const env = { ES_PATH_CONF: workplace.at('config'), TOKEN_ENV: workplace.at('token.env') };
      const finished = await workplace.succeed(recipe('rotate.sh'), url, env);
      expect(finished.stdout).toBe('');
      expect(workplace.calls()).toEqual(['systemctl restart kibana']);
      expect(workplace.read('answers')).toBe('200\n200\n');
      await workplace.expectAccepted(read(), tokensFile);
      expect(await ensured()).toBe('unchanged\n');
      expect(await workplace.tool(`list --file ${tokensFile}`)).toBe('elastic/kibana/kibana-1_r2\n');
      for (const bearer of [old, read()]) workplace.expectSecret(bearer, finished);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  },
);

describe('One file for every node', () => {
  const create = async (rest: string) => (await workplace.tool(`create -s elastic/kibana ${rest}`)).trim();

  testWith(['jq'], testThoroughly)(
    'adds, replaces and deletes until the nodes have the same tokens, and then changes nothing',
    async () => {
      workplace.standIn('ssh', 'node=$1; shift; cd /; export ES_PATH_CONF="$BASE/$node"; exec sh -c "$*"');
      workplace.standIn('sudo', 'exec "$@"');
      const nodes = ['node1', 'node2'];
      for (const node of nodes) {
        const settings = directory.write(`${node}/elasticsearch.yml`);
        if (isRoot) chownSync(settings, 1000, 1000); // so that root can determine who must be able to read the tokens
      }
      chmodSync(directory.path, 0o755);
      await create('only-there --config-dir node2');
      await create('in-both --config-dir node2');
      const bearers = [await create('in-both --file tokens'), await create('only-here --file tokens')];
      const distribute = () => workplace.succeed(recipe('every-node.sh'), 'tokens node1 node2');
      await distribute();
      const inodes = () => nodes.map((node) => statSync(workplace.at(`${node}/service_tokens`)).ino);
      const before = inodes();
      for (const node of nodes) {
        await workplace.tool(`diff tokens ${node}/service_tokens`);
        for (const bearer of bearers) await workplace.expectAccepted(bearer, `${node}/service_tokens`);
      }
      expect((await distribute()).stdout).toBe('');
      expect(inodes()).toEqual(before);
      expect(workplace.calls().filter((call) => call.includes('{PBKDF2'))).toEqual([]);
    },
  );

  testWith(['jq'], testThoroughly)(
    'deletes nothing if the file does not exist or the node is not reached',
    async () => {
      workplace.standIn('ssh', 'shift; cd /; export ES_PATH_CONF="$BASE/node1"; exec sh -c "$*"');
      workplace.standIn('sudo', 'exec "$@"');
      directory.mkdir('node1');
      await create('k1 --config-dir node1');
      expect((await workplace.trace(recipe('every-node.sh'), 'misspelled node1')).status).not.toBe(0);
      expect(await workplace.tool('list --config-dir node1')).toBe('elastic/kibana/k1\n');
      workplace.standIn('ssh', 'exit 255');
      expect((await workplace.trace(recipe('every-node.sh'), 'node1/service_tokens node1')).status).not.toBe(
        0,
      );
    },
  );
});

testThoroughly(
  'A read-only image gets one more token, no secret, and is not built over a token file',
  async () => {
    workplace.standIn(
      'docker',
      `case $1 in
  run) while [ "$1" != -c ]; do shift; done; cd "$BASE/image"; exec sh -c "$2" ;;
  build) cp -r "$4" "$BASE/built" ;;
esac`,
    );
    const file = directory.write('image/config/service_tokens');
    const other = await workplace.tool(`create -s elastic/kibana other --file ${file}`);
    const build = () => workplace.trace(recipe('read-only-image.sh'), 'old:1 new:1 token');
    for (const tokens of [[other.trim()], []]) {
      const finished = await build();
      const bearer = workplace.read('token');
      for (const each of [bearer, ...tokens]) await workplace.expectAccepted(each, 'built/service_tokens');
      expect(workplace.read('built/Dockerfile')).toMatch(
        /^FROM old:1\nCOPY --chmod=640 service_tokens \S+\n$/,
      );
      workplace.expectSecret(bearer, finished);
      await workplace.sh('rm -r built');
      expect((await build()).status).not.toBe(0); // because the token file exists
      expect([existsSync(workplace.at('built')), workplace.read('token')]).toEqual([false, bearer]);
      expect(temporaryFiles()).toEqual([]);
      await workplace.sh('rm -f token image/config/service_tokens');
    }
  },
);

describe('Monitoring', () => {
  const unit = (end: string) => textOf(`monitoring/service-tokens-check.${end}`);
  const script = recipe('monitoring/check-metrics.sh');
  const count = (options = '') => workplace.trace(script, `. --config-dir config ${options}`);
  const metrics = () => workplace.read('service_tokens.prom');

  testWith(['jq'])('writes what check finds as metrics, and ends with its status', async () => {
    directory.mkdir('config');
    await workplace.tool('create elastic/kibana a --config-dir config');
    const digest = JSON.parse(await workplace.tool('list --json --config-dir config')).digest;
    const sound = `service_tokens_check_status 0\nservice_tokens_count 1\nservice_tokens_info{digest="${digest}"} 1\n`;
    expect([(await count()).status, metrics()]).toEqual([0, sound]);
    chmodSync(workplace.at('config/service_tokens'), 0o644);
    expect((await count('--expect-tokens 2')).status).toBe(1);
    expect(metrics()).toBe(
      `${sound.replace('0', '1')}service_tokens_findings{severity="error",code="UNEXPECTED_COUNT"} 1
service_tokens_findings{severity="warning",code="OPEN_TO_OTHERS"} 1\n`,
    );
    directory.write('config/service_tokens', 'broken\nbroken\n');
    expect((await count()).status).toBe(1);
    expect(metrics()).toContain('service_tokens_info{digest=""} 1\n');
    expect(metrics()).toContain('service_tokens_findings{severity="error",code="MISSING_COLON"} 2\n');
    expect((await count('--nonsense')).status).toBe(64);
    expect(metrics()).toBe('service_tokens_check_status 64\n');
    expect(readdirSync(directory.path).filter((name) => name.includes('.prom.'))).toEqual([]);
    expect(modeOf('service_tokens.prom')).toBe(0o644);
  });

  test('systemd runs it: the unit may write the metrics, and nothing else', () => {
    const [, program, target] = /^ExecStart=\S*\/(\S+) (\S+)$/m.exec(unit('service')) ?? [];
    expect([program, unit('service')]).toEqual([
      'check-metrics.sh',
      expect.stringContaining(`ReadWritePaths=${target}\n`),
    ]);
  });

  testWith(['systemd-analyze'])('systemd accepts the units', async () => {
    const installed = unit('service').replace(/(?<=^ExecStart=)\S+/m, script);
    for (const [end, text] of [
      ['service', installed],
      ['timer', unit('timer')],
    ] as const)
      directory.write(`service-tokens-check.${end}`, text);
    const { status, stderr } = await workplace.run('systemd-analyze', [
      'verify',
      workplace.at('service-tokens-check.timer'),
    ]);
    const lines = stderr.split('\n').filter((line) => line.includes('service-tokens-check'));
    expect({ status, lines }).toEqual({ status: 0, lines: [] });
  });
});
