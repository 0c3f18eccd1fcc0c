import type { Level, Values } from './tree.js'

/** The shells for which there is a script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** Makes the script that teaches a shell what can be typed. Nothing of this package runs while a user types. */
export const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], (levels: readonly Level[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

function bashScript(levels: readonly Level[]): string {
  const values = caseOfValues(levels, {
    files: '_napi_torch_files; return',
    text: 'return',
    names: (names) => `COMPREPLY=($(compgen -W ${quoted(names.join(' '))} -- "$current")); return`,
  })
  const words = levels.map(({ path, commands, flags, argumentValues }) => {
    const names = Array.isArray(argumentValues) ? argumentValues : commands.map(({ name }) => name)
    const files = argumentValues === 'files' ? 1 : 0
    const flagNames = flags.map(({ name }) => name).join(' ')
    return `    ${quoted(path.join(' '))}) names=${quoted(names.join(' '))} flags=${quoted(flagNames)} files=${files} ;;`
  })
  return `# napi-torch completion bash: put "source <(napi-torch completion bash)" into ~/.bashrc
_napi_torch_files() {
  # Names may have spaces. The bash of macOS has no compopt.
  local IFS=$'\\n'
  compopt -o filenames 2> /dev/null
  COMPREPLY=($(compgen -f -- "$current"))
}
_napi_torch() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command='' names='' flags='' files=0 i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command \${COMP_WORDS[i]}" in
      ${pathPatterns(levels)}) command="\${command:+$command }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$command:$previous" in
${values.map((line) => `    ${line}`).join('\n')}
  esac
  case "$command" in
${words.join('\n')}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  elif ((files)); then
    _napi_torch_files
  else
    COMPREPLY=($(compgen -W "$names" -- "$current"))
  fi
}
complete -F _napi_torch napi-torch
`
}

function zshScript(levels: readonly Level[]): string {
  const described = ({ name, description }: { readonly name: string; readonly description: string }): string =>
    quoted(`${name.replaceAll(':', '\\:')}:${description}`)
  const values = caseOfValues(levels, {
    files: '_files; return',
    text: 'return',
    names: (names) => `compadd -- ${names.map(quoted).join(' ')}; return`,
  })
  const words = levels.map(({ path, commands, flags, argumentValues }) => {
    const names = Array.isArray(argumentValues) ? argumentValues.map(quoted) : commands.map(described)
    const files = argumentValues === 'files' ? 1 : 0
    return `    (${quoted(path.join(' '))}) names=(${names.join(' ')}) flags=(${flags.map(described).join(' ')}) files=${files} ;;`
  })
  return `#compdef napi-torch
# napi-torch completion zsh: put "source <(napi-torch completion zsh)" into ~/.zshrc behind compinit
_napi_torch() {
  local current=\${words[CURRENT]} previous=\${words[CURRENT-1]} command='' files=0 i
  local -a names flags
  for ((i = 2; i < CURRENT; i++)); do
    case "$command \${words[i]}" in
      (${pathPatterns(levels)}) command="\${command:+$command }\${words[i]}" ;;
    esac
  done
  case "$command:$previous" in
${values.map((line) => `    (${line}`).join('\n')}
  esac
  case "$command" in
${words.join('\n')}
  esac
  if [[ $current == -* ]]; then
    _describe option flags
  elif ((files)); then
    _files
  else
    _describe command names
  fi
}
if [[ \${funcstack[1]} == _napi-torch ]]; then _napi_torch "$@"; else compdef _napi_torch napi-torch; fi
`
}

function fishScript(levels: readonly Level[]): string {
  const lines = levels.flatMap(({ path, commands, flags, argumentValues }) => {
    const begin = `complete -c napi-torch -n "__napi_torch_at '${path.join(' ')}'"`
    const names = Array.isArray(argumentValues) ? [`${begin} -a ${fishQuoted(argumentValues.join(' '))}`] : []
    if (argumentValues === 'files') names.push(`${begin} -F`)
    return [
      ...names,
      ...commands.map(({ name, description }) => `${begin} -a ${name} -d ${fishQuoted(description)}`),
      ...flags.map(({ name, description, values }) => {
        return `${begin} -l ${name.slice(2)}${fishValues(values)} -d ${fishQuoted(description)}`
      }),
    ]
  })
  const paths = levels.filter(({ path }) => path.length > 0).map(({ path }) => fishQuoted(path.join(' ')))
  return `# napi-torch completion fish > ~/.config/fish/completions/napi-torch.fish
function __napi_torch_at
    set -l command ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$command $word")
        contains -- $next ${paths.join(' ')}; and set command $next
    end
    test "$command" = "$argv[1]"
end
complete -c napi-torch -f
${lines.join('\n')}
`
}

function fishValues(values: Values | null): string {
  if (values === null) return ''
  if (values === 'files') return ' -r -F'
  return values === 'text' ? ' -x' : ` -x -a ${fishQuoted(values.join(' '))}`
}

/** Makes the branches of a `case` on `COMMAND:OPTION`, for options that take a value. */
function caseOfValues(
  levels: readonly Level[],
  actions: { readonly files: string; readonly text: string; names(names: readonly string[]): string },
): readonly string[] {
  const patterns = new Map<string, string[]>()
  for (const { path, flags } of levels) {
    for (const { name, values } of flags) {
      if (values === null) continue
      const action = typeof values === 'string' ? actions[values] : actions.names(values)
      patterns.set(action, [...(patterns.get(action) ?? []), quoted(`${path.join(' ')}:${name}`)])
    }
  }
  return [...patterns].map(([action, names]) => `${names.join(' | ')}) ${action} ;;`)
}

/** What is read so far and the next word, where they are a command together. */
function pathPatterns(levels: readonly Level[]): string {
  const patterns = levels.filter(({ path }) => path.length > 0)
  return patterns.map(({ path }) => quoted(`${path.slice(0, -1).join(' ')} ${path.at(-1)}`)).join(' | ')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
