/** The manual page, from the table of commands and docs/exit-statuses.md. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const NAME = 'elasticsearch-service-tokens';
const DESCRIPTION =
  'A file token lets a service of the Elastic Stack, such as Kibana or Fleet Server, log in to Elasticsearch. It is valid on every node that has its hash in the tokens file. It never expires: delete it to revoke it. A running node reads a change of the file within five seconds, without a restart. The command needs no running node and no Java.';
const FILES = [
  ['service_tokens', 'The tokens file: a line for each token, with its name and hash.'],
  ['elasticsearch.yml', 'Read if a token is hashed, for the algorithm.'],
  [
    '/etc/default/elasticsearch, /etc/sysconfig/elasticsearch',
    'Set ES_PATH_CONF where packages installed Elasticsearch. Read only if only root can change them.',
  ],
  [
    '/etc/elasticsearch, /usr/share/elasticsearch/config',
    'The usual configuration directories. One counts if it has an elasticsearch.yml.',
  ],
];
const ENVIRONMENT = [
  ['ES_PATH_CONF', 'The configuration directory, without --config-dir and --file.'],
  ['ES_HOME', 'The installation of Elasticsearch: its directory config is used if ES_PATH_CONF is not set.'],
  ['NO_COLOR, FORCE_COLOR', 'Never or always color the label of an error or a warning.'],
];
const SECURITY = [
  'A token is a password. It is shown once, and never again: not by a message, not by another command. No command takes it as an argument, which other users could see. A new token file is private (mode 0600).',
  'As root in a directory that another user can change, the command acts as that user, or refuses.',
];
const SEE_ALSO =
  'README.md and docs, which this tool brings along, with the threats and the guarantees in docs/SECURITY.md. The reference of Elasticsearch has a page about the original of this command.';

/** Writes the manual page. @param file its path */
export async function writeManual(file) {
  // Imported here because the compiler has to create these files first.
  const { commands, optionsOf, PURPOSE } = await import('../dist/src/cli/commands/table.js');
  const { commonOptions } = await import('../dist/src/cli/options.js');
  const { VERSION } = await import('../dist/src/cli/command-line.js');
  const entries = Object.entries(commands);
  const common = commonOptions.map(({ entry }) => entry);
  const groups = [...new Set(entries.map(([, { group }]) => group))];
  const page = [
    `.TH ${NAME.toUpperCase()} 1 "" "${NAME} ${VERSION}" "User Commands"`,
    '.ad l', // no spaces are stretched
    '.nh', // and no words are hyphenated
    ...section('NAME', `${NAME} - ${PURPOSE.charAt(0).toLowerCase() + PURPOSE.slice(1)}`),
    ...section('SYNOPSIS', `${NAME} <command> [options] [arguments]`),
    ...section('DESCRIPTION', DESCRIPTION),
    '.SH COMMANDS',
    ...groups.flatMap((name) => [
      `.SS ${name}`,
      ...entries.filter(([, { group }]) => group === name).flatMap(command),
    ]),
    ...list('OPTIONS', optionsIn(entries, common, optionsOf)),
    ...list('FILES', FILES),
    ...list('ENVIRONMENT', ENVIRONMENT),
    ...list('EXIT STATUS', exitStatuses()),
    '.SH EXAMPLES',
    '.nf',
    ...entries.flatMap(([, { examples }]) => examples.map((example) => roff(`$ ${example}`))),
    '.fi',
    ...section('SECURITY', ...SECURITY),
    ...section('SEE ALSO', SEE_ALSO),
  ];
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${page.join('\n')}\n`);
}

function command([name, { usage, summary, details = [] }]) {
  return item([`${name} ${usage}`.trim(), [`${summary}.`, ...details].join(' ')]);
}

/**
 * @param entries the commands
 * @param common the options whose commands are not listed
 * @returns each option once: its flags, and for each of its meanings the commands in which it has it
 */
function optionsIn(entries, common, optionsOf) {
  const meanings = new Map(common.map(([flags, text]) => [flags, new Map([[text, []]])]));
  for (const [name, entry] of entries) {
    for (const option of optionsOf(entry).filter((each) => !common.includes(each))) {
      const [flags, text] = option;
      const texts = meanings.get(flags) ?? new Map();
      meanings.set(flags, texts.set(text, [...(texts.get(text) ?? []), name]));
    }
  }
  return [...meanings].map(([flags, texts]) => [
    flags,
    ...[...texts].map(([text, names]) => (names.length === 0 ? text : `${names.join(', ')}: ${text}`)),
  ]);
}

function section(title, ...paragraphs) {
  return [`.SH ${title}`, ...paragraphs.map(roff).join('\n.PP\n').split('\n')];
}

function list(title, rows) {
  return [`.SH ${title}`, '.PD 0', ...rows.flatMap(item), '.PD'];
}

function item([term, ...texts]) {
  return [`.IP "\\fB${roff(term)}\\fR" 7`, ...texts.map(roff).join('\n.br\n').split('\n')];
}

/** @returns the rows of the table: the numbers and their meaning */
function exitStatuses() {
  const rows = [...readFileSync('docs/exit-statuses.md', 'utf8').matchAll(/^\| (\d[\d, ]*) \| (.*) \|$/gm)];
  if (rows.length === 0) throw new Error('docs/exit-statuses.md has no table');
  return rows.map(([, numbers, meaning]) => [numbers, meaning.replaceAll('`', '')]);
}

/** Escapes a line of text for roff. */
function roff(text) {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/, '\\&$&');
}
