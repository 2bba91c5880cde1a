/** The manual page, from the table of commands and the README's table of exit statuses. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const NAME = 'elasticsearch-service-tokens';
const ENVIRONMENT = [
  [
    'ES_PATH_CONF',
    "The server's configuration directory, unless --config-dir or --file names another place.",
  ],
  ['ES_HOME', 'The installation of Elasticsearch: its directory config is used if ES_PATH_CONF is not set.'],
  ['NO_COLOR, FORCE_COLOR', 'Never or always color the label of an error or a warning.'],
];

/** Writes the manual page. @param file its path */
export async function writeManual(file) {
  // Imported here because the compiler has to create these files first.
  const { commands, PURPOSE } = await import('../dist/src/cli/commands/table.js');
  const { commonOptions } = await import('../dist/src/cli/options.js');
  const { VERSION } = await import('../dist/src/cli/command-line.js');
  const entries = Object.entries(commands);
  const page = [
    `.TH ${NAME.toUpperCase()} 1 "" "${NAME} ${VERSION}" "User Commands"`,
    '.SH NAME',
    `${roff(NAME)} \\- ${roff(PURPOSE.charAt(0).toLowerCase() + PURPOSE.slice(1))}`,
    '.SH SYNOPSIS',
    ...entries.flatMap(([name, { usage }]) => [
      `.B ${roff(`${NAME} ${name}`)}`,
      roff(`[options] ${usage}`.trim()),
      '.br',
    ]),
    '.SH COMMANDS',
    ...entries.flatMap(([name, entry]) => commandSection(name, entry)),
    '.SH OPTIONS',
    'Every command accepts these options; of -E, --config-dir, --file and --es-version those that its help lists.',
    ...commonOptions.flatMap(({ entry }) => item(entry)),
    '.SH EXIT STATUS',
    ...exitStatuses().flatMap(item),
    '.SH ENVIRONMENT',
    ...ENVIRONMENT.flatMap(item),
  ];
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${page.join('\n')}\n`);
}

function commandSection(name, { summary, examples, options = [] }) {
  const lines = examples.map((example) => roff(`$ ${example}`));
  return [`.SS ${name}`, roff(`${summary}.`), ...options.flatMap(item), '.PP', '.nf', ...lines, '.fi'];
}

function item([term, text]) {
  return ['.TP', `.B ${roff(term)}`, roff(text)];
}

/** @returns the rows of the README's table: the numbers and their meaning */
function exitStatuses() {
  const [, table] = /^## Exit statuses\n([\s\S]*?)^## /m.exec(readFileSync('README.md', 'utf8')) ?? [];
  const rows = [...(table?.matchAll(/^\| (\d[\d, ]*) \| (.*) \|$/gm) ?? [])];
  if (rows.length === 0) throw new Error('README.md has no table of exit statuses');
  return rows.map(([, numbers, meaning]) => [numbers, meaning.replaceAll('`', '')]);
}

/** Escapes a line of text for roff. */
function roff(text) {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/, '\\&$&');
}
