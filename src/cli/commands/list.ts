import type { ElasticsearchVersion } from '../../accounts/elasticsearch-version.js';
import { entryFindings } from '../../check/entry-checks.js';
import { readStoredHash } from '../../hash/stored-hash.js';
import { digestOf } from '../../tokens-file/digest.js';
import { conflictingOptions } from '../options.js';
import { escapeControls, isUnread, toJson } from '../terminal.js';
import { parsePrincipalArgument } from './arguments.js';
import type { Command } from './command.js';
import { type Entry, readTokens, sortedEntries } from './read-tokens.js';

export const list: Command = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const principal = parsePrincipalArgument(args, version);
  const { json = false, long = false, silent = false } = options;
  if (json && long) throw conflictingOptions('--json', '--long');
  const { content, exists, tokensFile } = await readTokens(invocation, 'read');
  try {
    if (json || long) {
      const entries = content.entries();
      const rows = sortedEntries(entries, principal).map((entry) => rowOf(entry, version));
      await terminal.answerAll(json ? asJson(tokensFile, digestOf(entries), rows) : asTable(rows));
    } else if (!silent) await terminal.answerNames(content.names(principal && `${principal}/`));
  } catch (error) {
    if (!isUnread(error)) throw error; // as in `list | head`
  }
  if (!exists && options.file !== undefined) {
    await terminal.warn([`The file [${tokensFile}] does not exist`]);
  }
};

/** An entry in the output of `--json`; `findings` are codes from docs/findings.md. */
function rowOf([key, stored]: Entry, version: ElasticsearchVersion | undefined) {
  const slash = key.lastIndexOf('/');
  const hash = readStoredHash(stored);
  return {
    qualified_name: key,
    principal: key.slice(0, Math.max(slash, 0)),
    name: key.slice(slash + 1),
    algorithm: hash?.scheme ?? 'plain text',
    cost: hash !== undefined && 'cost' in hash ? hash.cost : null,
    findings: entryFindings(key, stored, version).map(({ code }) => code),
  };
}

type Row = ReturnType<typeof rowOf>;

function* asJson(file: string, digest: string, rows: readonly Row[]): Generator<string> {
  yield toJson({ file, digest, tokens: [] }).slice(0, -2);
  for (const [index, row] of rows.entries()) yield `${index === 0 ? '' : ','}${toJson(row)}`;
  yield ']}\n';
}

function* asTable(rows: readonly Row[]): Generator<string> {
  const table = [
    ['TOKEN', 'ALGORITHM', 'COST', 'FINDINGS'],
    ...rows.map(({ qualified_name: name, algorithm, cost, findings }) => {
      return [escapeControls(name), algorithm, String(cost ?? '-'), findings.join(', ')];
    }),
  ];
  const widths = [0, 1, 2].map((column) =>
    table.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  for (const row of table) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    yield `${cells.join('  ').trimEnd()}\n`;
  }
}
