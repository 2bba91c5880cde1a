/** The documents name existing files, headings and tests. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ExitCode } from '../src/cli/exit-codes.js';
import { projectRoot } from './support/fixtures.js';

const FENCED_BLOCK = /^(`{3,}).*\n[\s\S]*?^\1.*$/gm;
const INLINE_CODE = /`[^`\n]*`/g;
/** A path from the project's root. It ends before a placeholder such as `<name>`. */
const PROJECT_PATH = /(?<![\w/.$~{}-])(?:src|tests|docs|fixtures|bin)\/(?:[\w./-]*[\w/-])?/g;
/** A path to a test or a transcript, and the titles that are quoted directly after it. */
const TEST_WITH_TITLES = /(tests\/[\w./-]+\.(?:ts|txt))`?((?:(?:,| and) "[^"\n]+")+)/g;
const LINK = /\]\(<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm;
const EXTERNAL = /^[a-z][a-z+.-]*:/i;

/** The launcher's own status: see bin. */
const NOT_INSTALLED = 69;

const documents = [
  'README.md',
  ...readdirSync(join(projectRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .sort(),
];

describe.each(documents)('%s', (document) => {
  const markdown = read(document);

  test('names files of the project that exist', () => {
    expect(pathsIn(markdown).filter((path) => !exists(path))).toEqual([]);
  });

  test('quotes titles that are in the test named before them', () => {
    const missing = titlesIn(markdown).filter(
      ({ path, title }) => exists(path) && !read(path).includes(title),
    );
    expect(missing).toEqual([]);
  });

  test('links to files and headings that exist', () => {
    expect(linksIn(markdown).filter((target) => !leadsSomewhere(target, document))).toEqual([]);
  });
});

test('Each difference from the original, and each guarantee, names a test with a title', () => {
  const promises = [rowsOf('docs/differences.md'), rowsOf('docs/SECURITY.md', '## Guarantees')];
  for (const rows of promises) {
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter((row) => titlesIn(row).length === 0)).toEqual([]);
  }
});

test('Every exit status is explained', () => {
  const numbers = rowsOf('docs/exit-statuses.md').flatMap((row) => row.split('|')[1]?.split(',').map(Number));
  expect(numbers).toEqual([...Object.values(ExitCode), NOT_INSTALLED].sort((x, y) => x - y));
});

test('The README is short', () => {
  const lines = read('README.md').trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(160);
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
});

test.each(['README.md', 'docs/standalone.md'])(
  'The packages in %s have the version of this one',
  (document) => {
    const versions = [...read(document).matchAll(/service-tokens[-_](\d+\.\d+\.\d+)/g)].map(
      ([, each]) => each,
    );
    expect([...new Set(versions)]).toEqual([JSON.parse(read('package.json')).version]);
  },
);

test('The readers of this test see paths, titles, links of both forms and headings, but none in a block', () => {
  const block = '```sh\nbin/e src/<name>.ts\n# no heading\n[g](h)\n```\n';
  const text =
    'See `src/a.ts`, tests/b/. Not ../config/bin/c, dist/src/d, `[e](f)`. [a](b.md#c "d")\n[i]: j.md\n';
  const markdown = `# A \`b.c\`: d_e-F\n\n## Twice\n${text}${block}\n## Twice\n`;
  expect(pathsIn(markdown)).toEqual(['src/a.ts', 'tests/b/', 'bin/e', 'src/']);
  expect(linksIn(markdown)).toEqual(['b.md#c', 'j.md']);
  expect(anchorsOf(markdown)).toEqual(['a-bc-d_e-f', 'twice', 'twice-1']);
  const [a, b] = ['tests/a.ts', 'tests/b.ts'].map((path) => (title: string) => ({ path, title }));
  const quoted = titlesIn('| "no" | `tests/a.ts`, "one" and "two"; tests/b.ts, "three" |');
  expect(quoted).toEqual([a?.('one'), a?.('two'), b?.('three')]);
});

function read(path: string): string {
  return readFileSync(join(projectRoot, path), 'utf8');
}

function exists(path: string): boolean {
  return existsSync(join(projectRoot, path));
}

/** Returns the rows of the tables of a document, or of one of its sections, without the heads. */
function rowsOf(path: string, heading?: string): string[] {
  const [, section = ''] = heading === undefined ? ['', read(path)] : read(path).split(`${heading}\n`);
  const tables = section.split(/^## /m)[0] ?? '';
  return [...tables.matchAll(/^\|---.*\n((?:\|.*\n)+)/gm)].flatMap(([, rows = '']) =>
    rows.trim().split('\n'),
  );
}

function pathsIn(markdown: string): string[] {
  return [...new Set(markdown.match(PROJECT_PATH))];
}

function titlesIn(markdown: string): { path: string; title: string }[] {
  return [...markdown.matchAll(TEST_WITH_TITLES)].flatMap(([, path = '', titles = '']) =>
    [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ path, title })),
  );
}

function linksIn(markdown: string): string[] {
  const text = markdown.replace(FENCED_BLOCK, '').replace(INLINE_CODE, '');
  return [...text.matchAll(LINK)].map(([, inline, reference]) => inline ?? reference ?? '');
}

/** @param document the path of the document that contains the link, from the project's root */
function leadsSomewhere(target: string, document: string): boolean {
  if (EXTERNAL.test(target)) return true;
  const [path = '', anchor] = target.split('#');
  const linked = path === '' ? document : normalize(join(dirname(document), path));
  return exists(linked) && (anchor === undefined || anchorsOf(read(linked)).includes(anchor));
}

/** Returns the names of a document's headings in links, in order. */
function anchorsOf(markdown: string): string[] {
  const times = new Map<string, number>();
  return [...markdown.replace(FENCED_BLOCK, '').matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const anchor = heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    const before = times.get(anchor) ?? 0;
    times.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
}
