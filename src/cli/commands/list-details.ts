import type { ElasticsearchVersion } from '../../accounts/elasticsearch-version.js';
import type { Principal } from '../../accounts/known-accounts.js';
import { entryFindings } from '../../check/entry-checks.js';
import { readStoredHash } from '../../hash/stored-hash.js';
import { digestOf } from '../../tokens-file/digest.js';
import type { FileContent } from '../../tokens-file/file-content.js';
import { escapeControls, toJson } from '../terminal.js';
import type { Invocation } from './command.js';

/** How many entries are written at a time, so that a slow reader does not fill memory. */
const BATCH = 1_000;

/** An entry in the output of `--json`; `findings` are codes from docs/findings.md. */
interface Row {
  readonly qualified_name: string;
  readonly principal: string;
  readonly name: string;
  readonly algorithm: string;
  readonly cost: number | null;
  readonly findings: readonly string[];
}

function rowsOf(
  entries: ReadonlyMap<string, string>,
  principal: Principal | undefined,
  version: ElasticsearchVersion | undefined,
): Row[] {
  return [...entries]
    .filter(([key]) => principal === undefined || key.startsWith(`${principal}/`))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, stored]) => {
      const slash = key.lastIndexOf('/');
      const hash = readStoredHash(stored);
      return {
        qualified_name: key,
        principal: key.slice(0, Math.max(slash, 0)),
        name: key.slice(slash + 1),
        algorithm: hash?.scheme ?? 'plain text',
        cost: hash !== undefined && 'cost' in hash ? hash.cost : null,
        findings: entryFindings(key, stored, 0, version).map(({ code }) => code),
      };
    });
}

/** Prints the entries as one JSON object. */
export async function printJson(
  file: string,
  content: FileContent,
  principal: Principal | undefined,
  { terminal, version }: Invocation,
): Promise<void> {
  const entries = content.entries();
  const rows = rowsOf(entries, principal, version);
  const head = toJson({ file, digest: digestOf(entries), tokens: [] });
  await terminal.answer(head.slice(0, -2));
  for (let start = 0; start < rows.length; start += BATCH) {
    const text = rows.slice(start, start + BATCH).map((row) => toJson(row));
    await terminal.answer(`${start === 0 ? '' : ','}${text.join(',')}`);
  }
  await terminal.answer(']}\n');
}

/** Prints the entries as a table. */
export async function printTable(
  _file: string,
  content: FileContent,
  principal: Principal | undefined,
  { terminal, version }: Invocation,
): Promise<void> {
  const rows = rowsOf(content.entries(), principal, version).map(
    ({ qualified_name, algorithm, cost, findings }) => [
      escapeControls(qualified_name),
      algorithm,
      cost === null ? '-' : String(cost),
      findings.join(', '),
    ],
  );
  const all = [['TOKEN', 'ALGORITHM', 'COST', 'FINDINGS'], ...rows];
  const widthOf = (column: number) =>
    all.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0);
  const widths = [0, 1, 2].map(widthOf);
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  for (let start = 0; start < lines.length; start += BATCH) {
    await terminal.answer(`${lines.slice(start, start + BATCH).join('\n')}\n`);
  }
}
