import { parseInt32 } from '../java-text.js';

/** A token of YAML. */
export interface Token {
  readonly kind: TokenKind;
  /** The offsets of its beginning and end in the text. */
  readonly at: number;
  readonly end: number;
  /** The text of a scalar, alias or anchor; the suffix of a tag; the name of a directive. */
  readonly text: string;
  /** A scalar without quotes. */
  readonly plain: boolean;
  /** The handle of a tag; undefined for a verbatim tag, `!<...>`. */
  readonly handle?: string;
  /** The arguments of %YAML (the major version) and %TAG (a handle and its prefix). */
  readonly values?: readonly string[];
}

export type TokenKind =
  | ('end of stream' | 'directive' | '---' | '...' | 'scalar' | 'alias' | 'anchor' | 'tag')
  | ('block map' | 'block list' | 'block end' | '-' | 'key' | 'value')
  | ('{' | '}' | '[' | ']' | ',');

/** Called with the error, which contains no part of the text, and its offset. */
export type Fail = (reason: string, at: number) => never;

/** A token that becomes a key if a colon follows on its line. */
interface PossibleKey {
  readonly token: number;
  readonly line: number;
  readonly column: number;
  readonly at: number;
  /** Whether it begins a line of a map, where only a key is allowed. */
  readonly required: boolean;
}

const BREAK = '\\n\\r\\x85\\u2028\\u2029';
const SPACES = / +/y;
const BLANKS = /[ \t]+/y;
const TO_LINE_END = new RegExp(`[^${BREAK}]+`, 'y');
const ENDS_WORD = new RegExp(`[ \\t${BREAK}]|$`, 'y');
const ENDS_TAG = new RegExp(`[ ${BREAK}]|$`, 'y');
const ENDS_ANCHOR = new RegExp(`[ \\t${BREAK}?:,\\]}%@\`]|$`, 'y');
const BEGINS_PLAIN = new RegExp(`[^ \\t${BREAK}\\-?:,[\\]{}#&*!|>'"%@\`]`, 'y');
const DOCUMENT_MARK = new RegExp(`(?:---|\\.\\.\\.)(?:[ \\t${BREAK}]|$)`, 'y');
/** In the server's parser, `---` ends a plain scalar whatever follows. */
const MARK_AFTER_PLAIN = new RegExp(`---|\\.\\.\\.(?:[ \\t${BREAK}]|$)`, 'y');
const PLAIN = new RegExp(`[^ \\t${BREAK}:]+|:(?![ \\t${BREAK}]|$)`, 'y');
const PLAIN_IN_FLOW = new RegExp(`[^ \\t${BREAK}:,?[\\]{}]+|:(?![ \\t${BREAK},[\\]{}]|$)`, 'y');
const QUOTED = new RegExp(`[^ \\t${BREAK}'"\\\\]+`, 'y');
const ANCHOR = new RegExp(`[^ \\t${BREAK}:,[\\]{}/.*&]+`, 'y');
const TAG_HAS_HANDLE = new RegExp(`![^ ${BREAK}!]*!`, 'y');
const TAG_HANDLE = /!(?:[A-Za-z0-9_-]*!|(?= ))/y;
const URI = /[A-Za-z0-9\-_;/?:@&=+$,.!~*'()[\]]+|%[0-9A-Fa-f]{2}/y;
const DIGITS = /\p{Nd}+/uy;
/** The characters that YAML allows. Text decoded from UTF-8 contains no lone surrogates. */
const NOT_PRINTABLE = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ud800-\udfff\ue000-\ufffd]/;

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ '0': '\0', a: '\x07', b: '\b', t: '\t', n: '\n', v: '\v', f: '\f', r: '\r', e: '\x1b' },
  ...{ ' ': ' ', '"': '"', '\\': '\\', N: '\x85', _: '\xa0', L: '\u2028', P: '\u2029' },
};
const HEX_ESCAPES: Readonly<Record<string, RegExp>> = {
  x: /[0-9A-Fa-f]{2}/y,
  u: /[0-9A-Fa-f]{4}/y,
  U: /[0-9A-Fa-f]{8}/y,
};

/** The maximum distance between the beginning of a key and its colon, in characters. */
const LONGEST_KEY = 1024;

/**
 * Splits YAML 1.1 into tokens as the server's parser does. The YAML libraries for JavaScript implement YAML 1.2, which
 * differs in tabs, comments, aliases, line ends, tags and more. The algorithm is that of PyYAML and SnakeYAML:
 * indentation becomes tokens, and a token turns out to be a key only when its colon is found.
 */
export class YamlScanner {
  readonly #text: string;
  readonly #fail: Fail;
  #at = 0;
  #line = 0;
  /** The column is `#at - #lineStart`, in code points. */
  #lineStart = 0;
  #done = false;
  readonly #queue: Token[] = [];
  /** The first token of the queue, once no token can be inserted before it. */
  #next: Token | undefined;
  #taken = 0;
  #flowLevel = 0;
  #indent = -1;
  readonly #indents: number[] = [];
  #keyAllowed = true;
  /** By flow level, outermost first. */
  readonly #possibleKeys = new Map<number, PossibleKey>();

  constructor(text: string, fail: Fail) {
    this.#text = text;
    this.#fail = fail;
    const bad = NOT_PRINTABLE.exec(text);
    if (bad) fail('a character that YAML does not allow', bad.index);
  }

  /** Returns the next token without consuming it. */
  peek(): Token {
    if (this.#next === undefined) {
      while (this.#needsMore()) this.#fetch();
      this.#next = this.#queue[0] as Token;
    }
    return this.#next;
  }

  /** Consumes and returns the next token. */
  next(): Token {
    const token = this.peek();
    this.#queue.shift();
    this.#taken++;
    this.#next = undefined;
    return token;
  }

  #needsMore(): boolean {
    if (this.#done) return false;
    if (this.#queue.length === 0) return true;
    if (this.#possibleKeys.size === 0) return false;
    this.#dropStaleKeys();
    const [first] = this.#possibleKeys.values();
    return first?.token === this.#taken;
  }

  #fetch(): void {
    this.#skipToToken();
    this.#dropStaleKeys();
    if (this.#flowLevel === 0) this.#unwindTo(this.#column);
    const [character, at] = [this.#text[this.#at], this.#at];
    const isMark = this.#column === 0 && this.#looksAt(DOCUMENT_MARK);
    const endsWord = this.#looksAt(ENDS_WORD, 1);
    const inFlow = this.#flowLevel > 0;
    if (character === undefined) this.#fetchEnd();
    else if (character === '%' && this.#column === 0) this.#fetchDirective();
    else if (isMark) this.#fetchMark(character === '-' ? '---' : '...');
    else if (character === '[' || character === '{') this.#fetchFlowStart(character);
    else if (character === ']' || character === '}') this.#fetchFlowEnd(character);
    else if (character === ',') this.#fetchComma();
    else if (character === '-' && endsWord) this.#fetchBlockEntry();
    else if (character === '?' && (endsWord || inFlow)) this.#fetchKey();
    else if (character === ':' && (endsWord || inFlow)) this.#fetchValue();
    else if (character === '*' || character === '&') this.#fetchAnchor(character);
    else if (character === '!') this.#fetchTag();
    else if ((character === '|' || character === '>') && !inFlow) this.#fetchBlockScalar(character);
    else if (character === '"' || character === "'") this.#fetchQuoted(character);
    else if (this.#looksAt(BEGINS_PLAIN) || ('-?:'.includes(character) && !endsWord)) this.#fetchPlain();
    else if (character === '\t') this.#fail('a tab is not allowed here', at);
    else this.#fail('an unexpected character', at);
  }

  // Keys.

  #dropStaleKeys(): void {
    if (this.#possibleKeys.size === 0) return;
    for (const [level, key] of this.#possibleKeys) {
      if (key.line === this.#line && this.#column - key.column <= LONGEST_KEY) continue;
      if (key.required) this.#fail('a key without a colon', key.at);
      this.#possibleKeys.delete(level);
    }
  }

  #savePossibleKey(): void {
    const required = this.#flowLevel === 0 && this.#indent === this.#column;
    if (required && !this.#keyAllowed) this.#fail('a key is not allowed here', this.#at);
    if (!this.#keyAllowed) return;
    this.#dropPossibleKey();
    this.#possibleKeys.set(this.#flowLevel, {
      token: this.#taken + this.#queue.length,
      line: this.#line,
      column: this.#column,
      at: this.#at,
      required,
    });
  }

  #dropPossibleKey(): void {
    const key = this.#possibleKeys.get(this.#flowLevel);
    if (key?.required) this.#fail('a key without a colon', key.at);
    this.#possibleKeys.delete(this.#flowLevel);
  }

  // Indentation.

  #unwindTo(column: number): void {
    while (this.#indent > column) {
      this.#indent = this.#indents.pop() ?? -1;
      this.#add('block end');
    }
  }

  #indentTo(column: number): boolean {
    if (this.#indent >= column) return false;
    this.#indents.push(this.#indent);
    this.#indent = column;
    return true;
  }

  // One method for each kind of token.

  #fetchEnd(): void {
    this.#unwindTo(-1);
    this.#dropPossibleKey();
    this.#possibleKeys.clear();
    this.#add('end of stream');
    this.#done = true;
  }

  #fetchMark(kind: '---' | '...'): void {
    this.#unwindTo(-1);
    this.#dropPossibleKey();
    this.#keyAllowed = false;
    this.#addCharacters(kind, 3);
  }

  #fetchFlowStart(kind: '[' | '{'): void {
    this.#savePossibleKey();
    this.#flowLevel++;
    this.#keyAllowed = true;
    this.#addCharacters(kind, 1);
  }

  #fetchFlowEnd(kind: ']' | '}'): void {
    this.#dropPossibleKey();
    this.#flowLevel--;
    this.#keyAllowed = false;
    this.#addCharacters(kind, 1);
  }

  #fetchComma(): void {
    this.#keyAllowed = true;
    this.#dropPossibleKey();
    this.#addCharacters(',', 1);
  }

  #fetchBlockEntry(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) this.#fail('a list item is not allowed here', this.#at);
      if (this.#indentTo(this.#column)) this.#add('block list');
    }
    this.#keyAllowed = true;
    this.#dropPossibleKey();
    this.#addCharacters('-', 1);
  }

  #fetchKey(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) this.#fail('a key is not allowed here', this.#at);
      if (this.#indentTo(this.#column)) this.#add('block map');
    }
    this.#keyAllowed = this.#flowLevel === 0;
    this.#dropPossibleKey();
    this.#addCharacters('key', 1);
  }

  #fetchValue(): void {
    const key = this.#possibleKeys.get(this.#flowLevel);
    if (key !== undefined) {
      this.#possibleKeys.delete(this.#flowLevel);
      const mark = { at: key.at, end: key.at, text: '', plain: false };
      const begins = this.#flowLevel === 0 && this.#indentTo(key.column);
      const tokens: Token[] = [...(begins ? [{ kind: 'block map' as const, ...mark }] : [])];
      this.#queue.splice(key.token - this.#taken, 0, ...tokens, { kind: 'key', ...mark });
      this.#keyAllowed = false;
    } else {
      if (this.#flowLevel === 0) {
        if (!this.#keyAllowed) this.#fail('a value is not allowed here', this.#at);
        if (this.#indentTo(this.#column)) this.#add('block map');
      }
      this.#keyAllowed = this.#flowLevel === 0;
      this.#dropPossibleKey();
    }
    this.#addCharacters('value', 1);
  }

  #fetchAnchor(character: '*' | '&'): void {
    this.#savePossibleKey();
    this.#keyAllowed = false;
    const at = this.#at;
    this.#advance(1);
    const text = this.#take(ANCHOR);
    if (text === '' || !this.#looksAt(ENDS_ANCHOR)) this.#fail('an invalid name of an anchor or alias', at);
    this.#add(character === '*' ? 'alias' : 'anchor', at, text);
  }

  #fetchTag(): void {
    this.#savePossibleKey();
    this.#keyAllowed = false;
    const at = this.#at;
    let handle: string | undefined;
    let text: string;
    if (this.#looksAt(ENDS_WORD, 1)) {
      this.#advance(1);
      text = '!';
    } else if (this.#text[this.#at + 1] === '<') {
      this.#advance(2);
      text = this.#takeUri();
      if (this.#text[this.#at] !== '>') this.#fail('an invalid tag', at);
      this.#advance(1);
    } else {
      handle = this.#looksAt(TAG_HAS_HANDLE) ? this.#takeTagHandle() : '!';
      if (this.#at === at) this.#advance(1);
      text = this.#takeUri();
    }
    if (!this.#looksAt(ENDS_TAG)) this.#fail('an invalid tag', at);
    const tag = { kind: 'tag' as const, at, end: this.#at, text, plain: false };
    this.#queue.push(handle === undefined ? tag : { ...tag, handle });
  }

  #takeTagHandle(): string {
    const handle = this.#take(TAG_HANDLE);
    return handle === '' ? this.#fail('an invalid tag', this.#at) : handle;
  }

  #takeUri(): string {
    const at = this.#at;
    const uri = this.#takeAll(URI);
    if (uri === '' || this.#text[this.#at] === '%') this.#fail('an invalid tag', at);
    try {
      return decodeURIComponent(uri);
    } catch {
      return this.#fail('an invalid tag', at);
    }
  }

  #fetchDirective(): void {
    this.#unwindTo(-1);
    this.#dropPossibleKey();
    this.#keyAllowed = false;
    const at = this.#at;
    this.#advance(1);
    const text = this.#take(/[A-Za-z0-9_-]+/y);
    if (text === '' || !this.#looksAt(ENDS_TAG)) this.#fail('an invalid directive', at);
    const values = this.#takeDirectiveValues(text);
    this.#take(SPACES);
    this.#takeComment();
    if (this.#at < this.#text.length && this.#takeBreak() === '') this.#fail('an invalid directive', at);
    this.#queue.push({ kind: 'directive', at, end: this.#at, text, plain: false, values });
  }

  #takeDirectiveValues(name: string): string[] {
    if (name !== 'YAML' && name !== 'TAG') {
      this.#take(TO_LINE_END);
      return [];
    }
    this.#take(SPACES);
    let values: string[];
    if (name === 'YAML') {
      values = [this.#takeNumber()];
      if (this.#text[this.#at] !== '.') this.#fail('an invalid directive', this.#at);
      this.#advance(1);
      this.#takeNumber();
    } else {
      values = [this.#takeTagHandle()];
      if (this.#text[this.#at] !== ' ') this.#fail('an invalid directive', this.#at);
      this.#take(SPACES);
      values.push(this.#takeUri());
    }
    if (!this.#looksAt(ENDS_TAG)) this.#fail('an invalid directive', this.#at);
    return values;
  }

  #takeNumber(): string {
    const number = parseInt32(this.#take(DIGITS));
    return number === undefined ? this.#fail('an invalid directive', this.#at) : String(number);
  }

  // Scalars.

  #fetchPlain(): void {
    this.#savePossibleKey();
    this.#keyAllowed = false;
    const [at, indent] = [this.#at, this.#indent + 1];
    const parts: string[] = [];
    let [spaces, end] = ['', at];
    while (this.#text[this.#at] !== '#') {
      const word = this.#takeAll(this.#flowLevel > 0 ? PLAIN_IN_FLOW : PLAIN);
      if (word === '') break;
      this.#keyAllowed = false;
      parts.push(spaces, word);
      end = this.#at;
      spaces = this.#takePlainSpaces();
      if (spaces === '' || (this.#flowLevel === 0 && this.#column < indent)) break;
    }
    this.#queue.push({ kind: 'scalar', at, end, text: parts.join(''), plain: true });
  }

  /** The text between two words of a plain scalar: blanks, or line breaks, of which a single one becomes a space. */
  #takePlainSpaces(): string {
    const blanks = this.#take(BLANKS);
    const first = this.#takeBreak();
    if (first === '') return blanks;
    this.#keyAllowed = true;
    const breaks: string[] = [];
    while (!this.#looksAt(MARK_AFTER_PLAIN)) {
      this.#take(SPACES);
      const next = this.#takeBreak();
      if (next === '') return joinBreaks(first, breaks.join(''));
      breaks.push(next);
    }
    return '';
  }

  #fetchQuoted(quote: '"' | "'"): void {
    this.#savePossibleKey();
    this.#keyAllowed = false;
    const at = this.#at;
    this.#advance(1);
    const parts: string[] = [];
    for (;;) {
      this.#takeQuotedWord(quote, parts);
      if (this.#text[this.#at] === quote) break;
      const blanks = this.#take(BLANKS);
      if (this.#at >= this.#text.length) this.#fail('an unclosed quote', at);
      const first = this.#takeBreak();
      parts.push(first === '' ? blanks : joinBreaks(first, this.#takeQuotedBreaks(at)));
    }
    this.#advance(1);
    this.#add('scalar', at, parts.join(''));
  }

  #takeQuotedWord(quote: '"' | "'", parts: string[]): void {
    const start = this.#at;
    for (;;) {
      parts.push(this.#take(QUOTED));
      const character = this.#text[this.#at];
      if (quote === "'" && this.#text.startsWith("''", this.#at)) {
        parts.push("'");
        this.#advance(2);
      } else if (character === (quote === '"' ? "'" : '"') || (character === '\\' && quote === "'")) {
        parts.push(character);
        this.#advance(1);
      } else if (character === '\\') {
        this.#advance(1);
        parts.push(this.#takeEscape(start));
      } else {
        return;
      }
    }
  }

  #takeEscape(start: number): string {
    const character = this.#text[this.#at] ?? '';
    const simple = Object.hasOwn(ESCAPES, character) ? ESCAPES[character] : undefined;
    if (simple !== undefined) {
      this.#advance(1);
      return simple;
    }
    const pattern = Object.hasOwn(HEX_ESCAPES, character) ? HEX_ESCAPES[character] : undefined;
    if (pattern !== undefined) {
      this.#advance(1);
      const code = Number.parseInt(this.#take(pattern), 16);
      return code <= 0x10ffff
        ? String.fromCodePoint(code)
        : this.#fail('an invalid escape sequence', this.#at);
    }
    return this.#takeBreak() === ''
      ? this.#fail('an invalid escape sequence', this.#at)
      : this.#takeQuotedBreaks(start);
  }

  #takeQuotedBreaks(start: number): string {
    const breaks: string[] = [];
    for (;;) {
      if (this.#looksAt(DOCUMENT_MARK)) this.#fail('an unclosed quote', start);
      this.#take(BLANKS);
      const next = this.#takeBreak();
      if (next === '') return breaks.join('');
      breaks.push(next);
    }
  }

  #fetchBlockScalar(style: '|' | '>'): void {
    this.#keyAllowed = true;
    this.#dropPossibleKey();
    const at = this.#at;
    this.#advance(1);
    const { chomping, increment } = this.#takeBlockHeader(at);
    const least = Math.max(this.#indent + 1, 1);
    const parts: string[] = [];
    let breaks: string;
    let indent: number;
    if (increment === undefined) {
      const found = this.#takeBlockIndentation();
      breaks = found.breaks;
      indent = Math.max(least, found.indent);
    } else {
      indent = least + increment - 1;
      breaks = this.#takeBlockBreaks(indent);
    }
    let lineBreak = '';
    let end = this.#at;
    while (this.#column === indent && this.#at < this.#text.length) {
      const indented = this.#looksAt(BLANKS);
      parts.push(breaks, this.#take(TO_LINE_END));
      end = this.#at;
      lineBreak = this.#takeBreak();
      breaks = this.#takeBlockBreaks(indent);
      if (this.#column !== indent || this.#at >= this.#text.length) break;
      const folds = style === '>' && lineBreak === '\n' && !indented && !this.#looksAt(BLANKS);
      parts.push(folds ? (breaks === '' ? ' ' : '') : lineBreak);
    }
    if (chomping !== '-') parts.push(lineBreak);
    if (chomping === '+') parts.push(breaks);
    this.#queue.push({ kind: 'scalar', at, end, text: parts.join(''), plain: false });
  }

  #takeBlockHeader(at: number): { chomping: string; increment: number | undefined } {
    let chomping = this.#take(/[+-]/y);
    const digit = this.#take(/\p{Nd}/uy);
    const increment = parseInt32(digit);
    if (digit !== '' && (increment === undefined || increment === 0))
      this.#fail('an invalid block scalar', at);
    if (chomping === '' && digit !== '') chomping = this.#take(/[+-]/y);
    if (!this.#looksAt(ENDS_TAG)) this.#fail('an invalid block scalar', at);
    this.#take(SPACES);
    this.#takeComment();
    if (this.#at < this.#text.length && this.#takeBreak() === '') this.#fail('an invalid block scalar', at);
    return { chomping, increment };
  }

  #takeBlockIndentation(): { breaks: string; indent: number } {
    const breaks: string[] = [];
    let indent = 0;
    for (;;) {
      this.#take(SPACES);
      indent = Math.max(indent, this.#column);
      const next = this.#takeBreak();
      if (next === '') return { breaks: breaks.join(''), indent };
      breaks.push(next);
    }
  }

  #takeBlockBreaks(indent: number): string {
    const breaks: string[] = [];
    for (;;) {
      while (this.#column < indent && this.#text[this.#at] === ' ') this.#advance(1);
      const next = this.#takeBreak();
      if (next === '') return breaks.join('');
      breaks.push(next);
    }
  }

  // The text.

  #skipToToken(): void {
    if (this.#at === 0 && this.#text[0] === '\ufeff') this.#advance(1);
    do {
      this.#take(SPACES);
      this.#takeComment();
    } while (this.#skippedBreak());
  }

  #skippedBreak(): boolean {
    if (this.#takeBreak() === '') return false;
    if (this.#flowLevel === 0) this.#keyAllowed = true;
    return true;
  }

  #takeComment(): void {
    if (this.#text[this.#at] === '#') this.#take(TO_LINE_END);
  }

  /** Consumes a line break. Returns `\n`, or U+2028 or U+2029 unchanged; empty if there is none. */
  #takeBreak(): string {
    const character = this.#text[this.#at] ?? '';
    if (character === '' || !'\r\n\x85\u2028\u2029'.includes(character)) return '';
    this.#at += this.#text.startsWith('\r\n', this.#at) ? 2 : 1;
    this.#line++;
    this.#lineStart = this.#at;
    return '\r\n\x85'.includes(character) ? '\n' : character;
  }

  get #column(): number {
    return this.#at - this.#lineStart;
  }

  #looksAt(pattern: RegExp, offset = 0): boolean {
    pattern.lastIndex = this.#at + offset;
    return pattern.test(this.#text);
  }

  /** Consumes the text that the pattern, without line breaks, matches here; empty if it does not match. */
  #take(pattern: RegExp): string {
    const from = this.#at;
    pattern.lastIndex = from;
    if (!pattern.test(this.#text)) return '';
    this.#advance(pattern.lastIndex - from);
    return this.#text.slice(from, this.#at);
  }

  /** Consumes repeated matches of the pattern: a repetition in the pattern itself would overflow on a long text. */
  #takeAll(pattern: RegExp): string {
    const from = this.#at;
    while (this.#take(pattern) !== '');
    return this.#text.slice(from, this.#at);
  }

  #advance(length: number): void {
    for (let i = this.#at; i < this.#at + length; i++) {
      const unit = this.#text.charCodeAt(i);
      if (unit === 0xfeff || (unit & 0xfc00) === 0xdc00) this.#lineStart++;
    }
    this.#at += length;
  }

  #addCharacters(kind: TokenKind, length: number): void {
    const at = this.#at;
    this.#advance(length);
    this.#add(kind, at);
  }

  #add(kind: TokenKind, at = this.#at, text = ''): void {
    this.#queue.push({ kind, at, end: this.#at, text, plain: false });
  }
}

/** Folds the line breaks between two words: a single `\n` becomes a space; of several, the first is dropped. */
function joinBreaks(first: string, more: string): string {
  if (first !== '\n') return first + more;
  return more === '' ? ' ' : more;
}
