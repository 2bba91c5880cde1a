/** The environment file of Elastic's packages, in a mount namespace with an /etc of its own. */
import { describe, expect } from '@jest/globals';
import { BIN, run } from '../support/commands.js';
import { isRoot, type MaybeTest, testAsRoot, testWithMounts, UNSHARE } from '../support/needs.js';

/** A tokens file that says where it is. */
const tokensIn = (directory: string) =>
  `mkdir -p ${directory}; echo 'elastic/kibana/in-${directory.slice(1).replaceAll('/', '-')}:{SHA}x' > ${directory}/service_tokens`;

/** Runs a command where /etc/elasticsearch and /etc/es hold tokens, after a script that writes the environment file. */
async function listWith(script: string, command = `${BIN} list`, env: Record<string, string> = {}) {
  const { status, stdout, stderr } = await run(
    UNSHARE[0],
    [
      UNSHARE[1],
      'bash',
      '-euc',
      `mount -t tmpfs none /etc; chmod 755 /etc; mkdir /etc/default /etc/sysconfig
      ${tokensIn('/etc/elasticsearch')}; touch /etc/elasticsearch/elasticsearch.yml; ${tokensIn('/etc/es')}
      ${script}
      ${command}`,
    ],
    { cwd: '/', env: { PATH: process.env['PATH'] ?? '', ...env } },
  );
  return { status, stdout, stderr };
}
const fileWith = (text: string) => `cat > /etc/default/elasticsearch <<'EOF'\n${text}\nEOF\n`;
const inEs = { status: 0, stdout: 'elastic/kibana/in-etc-es\n', stderr: '' };
const inEtc = { status: 0, stdout: 'elastic/kibana/in-etc-elasticsearch\n', stderr: '' };

describe('ES_PATH_CONF of the environment file', () => {
  const texts: readonly (readonly [text: string, why: string])[] = [
    ['ES_PATH_CONF=/etc/es', 'an assignment'],
    ['# ES_PATH_CONF=/x\n\n export ES_PATH_CONF="/etc/es"  # the data disk', 'quotes and comments'],
    ["ES_PATH_CONF=/x\nES_PATH_CONF=/etc/'e's", 'the last assignment counts'],
    ['JAVA=$(date)\nES_PATH_CONF=/e\\tc/es', 'other lines are not executed'],
  ];
  for (const [text, why] of texts) {
    testWithMounts(`is used from ${JSON.stringify(text)}: ${why}`, async () => {
      expect(await listWith(fileWith(text))).toEqual(inEs);
    });
  }

  const refused: readonly (readonly [text: string, why: string])[] = [
    ['ES_PATH_CONF=$HOME/es', 'only a shell can replace $ or a backquote'],
    ['ES_PATH_CONF="/etc/`echo es`"', 'only a shell can replace $ or a backquote'],
    ['ES_PATH_CONF=/etc/es; touch /x', 'it is not a plain assignment'],
    ['ES_PATH_CONF=/etc/es touch /x', 'it is not a plain assignment'],
    ['ES_PATH_CONF=~/es', 'it is not a plain assignment'],
    ['[ -d /x ] || ES_PATH_CONF=/etc/es', 'it is not a plain assignment'],
  ];
  for (const [text, reason] of refused) {
    testWithMounts(`is an error in ${text}: ${reason}`, async () => {
      expect(
        await listWith(`${fileWith(`\n${text}`)}set +e`, `${BIN} list; s=$?; ls /x 2>&-; exit $s`),
      ).toEqual({
        status: 78,
        stdout: '',
        stderr: `ERROR: could not read ES_PATH_CONF in line 2 of [/etc/default/elasticsearch]: ${reason}, with exit code 78\nUse --config-dir DIR, or set ES_PATH_CONF.\n`,
      });
    });
  }

  testWithMounts('is used from /etc/sysconfig, too', async () => {
    expect(await listWith('echo ES_PATH_CONF=/etc/es > /etc/sysconfig/elasticsearch')).toEqual(inEs);
  });

  testWithMounts('is an error if the directory does not exist, and that file is named', async () => {
    expect(await listWith(fileWith('ES_PATH_CONF=/etc/no'))).toEqual({
      status: 78,
      stdout: '',
      stderr:
        'ERROR: The directory [/etc/no] does not exist, with exit code 78\nThe path comes from /etc/default/elasticsearch.\n',
    });
  });

  testWithMounts('does not matter beside ES_PATH_CONF of the environment, or if it is empty', async () => {
    const script = fileWith('ES_PATH_CONF=/etc/es');
    expect(await listWith(script, undefined, { ES_PATH_CONF: '/etc/elasticsearch' })).toEqual(inEtc);
    expect(await listWith(fileWith('ES_PATH_CONF='))).toEqual(inEtc);
  });

  const byOthers: readonly (readonly [command: string, why: string, kind?: MaybeTest])[] = [
    ['chmod g+w /etc/default/elasticsearch', 'its group can change it'],
    ['chmod o+w /etc/default', 'everybody can change its directory'],
    [
      'chown 60001 /etc/default/elasticsearch',
      'its owner can change it',
      isRoot ? testWithMounts : testAsRoot,
    ],
  ];
  for (const [command, why, kind = testWithMounts] of byOthers) {
    kind(`is not used, with a warning, if ${why}`, async () => {
      expect(await listWith(`${fileWith('ES_PATH_CONF=/etc/es')}${command}`)).toEqual({
        ...inEtc,
        stderr:
          'WARNING: ES_PATH_CONF [/etc/es] of [/etc/default/elasticsearch] is not used, because not only root can change that file\nUse --config-dir or set ES_PATH_CONF, or let only root write the file.\n',
      });
    });
  }

  testWithMounts('is not warned about if it names the directory that is used', async () => {
    expect(
      await listWith(`${fileWith('ES_PATH_CONF=/etc/elasticsearch/')}chmod g+w /etc/default/elasticsearch`),
    ).toEqual(inEtc);
  });
});
