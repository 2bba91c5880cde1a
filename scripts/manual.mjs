/** The manual page: manual.roff, filled from the table of commands and docs/exit-statuses.md. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Writes the manual page. @param file its path */
export async function writeManual(file) {
  // Imported here because the compiler has to create these files first.
  const { commands, commonOptions, PURPOSE, VERSION } = await import('../dist/src/cli/commands/table.js');
  const entries = Object.entries(commands);
  const parts = {
    version: [VERSION],
    purpose: [roff(PURPOSE.replace(/^./, (letter) => letter.toLowerCase()))],
    commands: entries.flatMap(([name, entry], index) => [
      ...(entry.group === entries[index - 1]?.[1].group ? [] : [`.SS ${entry.group}`]),
      ...item(`${name} ${entry.usage}`.trim(), [`${entry.summary}.`, ...(entry.details ?? [])].join(' ')),
    ]),
    options: optionsIn(entries, commonOptions).flatMap((option) => item(...option)),
    statuses: exitStatuses().flatMap((status) => item(...status)),
    examples: entries.flatMap(([, { examples }]) => examples.map((example) => roff(`$ ${example}`))),
  };
  const template = readFileSync('scripts/manual.roff', 'utf8');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    template.replace(/\{(\w+)\}/g, (_, name) => parts[name].join('\n')),
  );
}

/**
 * @param entries the commands
 * @param common the options whose commands are not listed
 * @returns each option once: its flags, and for each of its meanings the commands in which it has it
 */
function optionsIn(entries, common) {
  const meanings = new Map(Object.entries(common).map(([flags, text]) => [flags, new Map([[text, []]])]));
  for (const [name, entry] of entries) {
    for (const [flags, text] of Object.entries(entry.options)) {
      if (common[flags] === text) continue;
      const texts = meanings.get(flags) ?? new Map();
      meanings.set(flags, texts.set(text, [...(texts.get(text) ?? []), name]));
    }
  }
  const described = ([text, names]) => (names.length === 0 ? text : `${names.join(', ')}: ${text}`);
  return [...meanings].map(([flags, texts]) => [flags, ...[...texts].map(described)]);
}

/** @returns the rows of the table: the numbers and their meaning */
function exitStatuses() {
  const rows = [...readFileSync('docs/exit-statuses.md', 'utf8').matchAll(/^\| (\d[\d, ]*) \| (.*) \|$/gm)];
  if (rows.length === 0) throw new Error('docs/exit-statuses.md has no table');
  return rows.map(([, numbers, meaning]) => [numbers, meaning.replaceAll('`', '')]);
}

/** @returns a term, and lines that describe it */
function item(term, ...lines) {
  return [`.IP "\\fB${roff(term)}\\fR" 7`, lines.map(roff).join('\n.br\n')];
}

/** Escapes a line of text for roff. */
function roff(text) {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/, '\\&$&');
}
