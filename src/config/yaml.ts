import { Composer, type CST, isAlias, isMap, isScalar, isSeq, Lexer, Parser, Scalar } from 'yaml';

/** The maximum number of maps and lists within each other. */
const DEPTH_LIMIT = 100;
/** The maximum length of a setting's name: the keys of a map repeat the names of the maps around it. */
const NAME_LIMIT = 1024;
/** The characters that YAML 1.1 allows (section 4.1.1). */
const PRINTABLE = /^[\t\n\r\x20-\x7e\x85\xa0-\ufffd\u{10000}-\u{10ffff}]*$/u;
const BOOLEAN = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const TRUE = /^(?:yes|true|on)$/i;

/**
 * Reads settings from YAML as the server does: maps become dotted names, scalars keep their text except booleans of
 * YAML 1.1, a list is `[a, b]` as in Java, and an alias is not resolved: its value is its name. If a name occurs twice,
 * by different nesting, the last one counts. This is the one door to yaml.
 *
 * @throws SyntaxError with a reason that contains no part of the text
 */
export function readYaml(text: string): Map<string, string> {
  if (!PRINTABLE.test(text)) throw new SyntaxError('it contains a control character');
  const [document] = documentsIn(text);
  if (document === undefined || document.errors.length > 0) throw new SyntaxError('it is not valid YAML');
  const settings = new Map<string, string>();
  if (document.contents !== null) addMap(settings, '', document.contents);
  return settings;
}

function documentsIn(text: string) {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    // Composer calls itself for each level, and Node may abort if it compiles a pattern at the end of its stack.
    if (parser.stack.length > DEPTH_LIMIT) {
      throw new SyntaxError(`maps and lists are nested more than ${DEPTH_LIMIT} levels deep`);
    }
  }
  tokens.push(...parser.end());
  // Its own schema would read 010 as a number; its own check for unique keys takes quadratic time.
  const composer = new Composer({ version: '1.1', schema: 'failsafe', uniqueKeys: false });
  return [...composer.compose(tokens, true, text.length)];
}

function addMap(settings: Map<string, string>, prefix: string, map: unknown): void {
  if (!isMap(map)) throw new SyntaxError('it is not a map of settings');
  const keys = new Set<string>();
  for (const { key, value } of map.items) {
    if (!isScalar(key)) throw new SyntaxError('a key is not text');
    const name = String(key.value);
    if (keys.has(name)) throw new SyntaxError('it contains a duplicate key');
    keys.add(name);
    if (prefix.length + name.length > NAME_LIMIT) {
      throw new SyntaxError(`the name of a setting is longer than ${NAME_LIMIT} characters`);
    }
    if (isMap(value)) addMap(settings, `${prefix}${name}.`, value);
    else settings.set(prefix + name, settingOf(value));
  }
}

function settingOf(node: unknown): string {
  if (isSeq(node)) return `[${node.items.map(textOf).join(', ')}]`;
  const text = textOf(node);
  return isScalar(node) && node.type === Scalar.PLAIN && BOOLEAN.test(text) ? String(TRUE.test(text)) : text;
}

function textOf(node: unknown): string {
  if (isAlias(node)) return node.source;
  if (isScalar(node)) return String(node.value ?? '');
  throw new SyntaxError('a list contains something other than values');
}
