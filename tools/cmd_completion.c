/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn completion: scripts for shells.
 *
 * Each hands the words up to the cursor to `cairn __complete` (complete.c) and offers what it
 * answers. What is done here is what shells differ in: cutting a line into words, and quoting.
 */
#include <stdio.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/commands.h"

/*
 * Bash cuts words also at '=' and ':', which names may hold: pieces that touch are joined again,
 * and the part before the last piece is taken off the candidates, since bash replaces that piece
 * only. Words come as they were typed, with quotes; they are taken off without evaluating anything.
 */
static const char bash_script[] =
	"# bash completion for cairn: source <(cairn completion bash)\n"
	"_cairn() {\n"
	"\tlocal rest=$COMP_LINE words=() raw before i word cut candidate\n"
	"\tfor ((i = 0; i <= COMP_CWORD; i++)); do\n"
	"\t\traw=${COMP_WORDS[i]}\n"
	"\t\tbefore=${rest%%\"$raw\"*}\n"
	"\t\trest=${rest:${#before}+${#raw}}\n"
	"\t\tif ((i > 1)) && [[ -n $raw && -z $before ]]; then\n"
	"\t\t\twords[${#words[@]} - 1]+=$raw\n"
	"\t\telse\n"
	"\t\t\twords+=(\"$raw\")\n"
	"\t\tfi\n"
	"\tdone\n"
	"\traw=${words[${#words[@]} - 1]}\n"
	"\tfor ((i = 1; i < ${#words[@]}; i++)); do\n"
	"\t\tword=${words[i]}\n"
	"\t\tcase $word in\n"
	"\t\t\\'*) word=${word#\\'} word=${word%\\'} ;;\n"
	"\t\t\\\"*) word=${word#\\\"} word=${word%\\\"} ;;\n"
	"\t\t*) word=${word//\\\\/} ;;\n"
	"\t\tesac\n"
	"\t\t[[ $word != '~/'* ]] || word=$HOME/${word#'~/'}\n"
	"\t\twords[i]=$word\n"
	"\tdone\n"
	"\tCOMPREPLY=()\n"
	"\tlocal answer\n"
	"\tmapfile -t answer < <(\"${COMP_WORDS[0]}\" __complete \"${words[@]:1}\" 2>/dev/null)\n"
	"\tif [[ ${answer[0]} == files ]]; then\n"
	"\t\tcompopt -o default 2>/dev/null\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tword=${words[${#words[@]} - 1]}\n"
	"\tcut=${word%\"${word##*[:=]}\"}\n"
	"\tfor candidate in \"${answer[@]:1}\"; do\n"
	"\t\tcandidate=${candidate%%$'\\t'*}\n"
	"\t\tcandidate=${candidate#\"$cut\"}\n"
	"\t\tcase $raw in\n"
	"\t\t[\\'\\\"]*) ;;\n"
	"\t\t*) printf -v candidate %q \"$candidate\" ;;\n"
	"\t\tesac\n"
	"\t\t[[ $candidate != *[./] ]] || compopt -o nospace 2>/dev/null\n"
	"\t\tCOMPREPLY+=(\"$candidate\")\n"
	"\tdone\n"
	"}\n"
	"complete -F _cairn cairn\n";

static const char zsh_script[] =
	"#compdef cairn\n"
	"# zsh completion for cairn: in a folder of $fpath as _cairn, or source <(cairn completion "
	"zsh)\n"
	"_cairn() {\n"
	"\tlocal -a answer typed\n"
	"\ttyped=(\"${(@Q)words[2,CURRENT-1]}\" \"${(Q)PREFIX}\")\n"
	"\ttyped=(\"${typed[@]/#\\~\\//$HOME/}\")\n"
	"\tanswer=(\"${(@f)$($words[1] __complete \"${typed[@]}\" 2>/dev/null)}\")\n"
	"\tlocal kind=$answer[1]\n"
	"\tanswer=(\"${(@)answer[2,-1]%%$'\\t'*}\")\n"
	"\tif [[ $kind == files ]]; then\n"
	"\t\t_files\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tcompadd -S '' -- \"${(@M)answer:#*[./]}\"\n"
	"\tcompadd -- \"${(@)answer:#*[./]}\"\n"
	"}\n"
	"if [[ $funcstack[1] == _cairn ]]; then\n"
	"\t_cairn \"$@\"\n"
	"else\n"
	"\tcompdef _cairn cairn\n"
	"fi\n";

static const char fish_script[] =
	"# fish completion for cairn: cairn completion fish | source\n"
	"function __cairn_complete\n"
	"\tset -l typed (commandline -opc) (commandline -ct | string unescape)\n"
	"\ttest -n (commandline -ct | string collect -a); or set -a typed ''\n"
	"\tset -l typed (string replace -r '^~/' \"$HOME/\" -- $typed)\n"
	"\tset -l answer ($typed[1] __complete $typed[2..] 2>/dev/null)\n"
	"\tif test \"$answer[1]\" = files\n"
	"\t\t__fish_complete_path (commandline -ct)\n"
	"\telse\n"
	"\t\tprintf '%s\\n' $answer[2..]\n"
	"\tend\n"
	"end\n"
	"complete -c cairn -f -a '(__cairn_complete)'\n";

static const struct {
	const char *shell;
	const char *script;
} scripts[] = {
	{"bash", bash_script},
	{"zsh", zsh_script},
	{"fish", fish_script},
};

int cmd_completion(int argc, char **argv)
{
	const struct cli_usage usage = {
		"completion",
		"SHELL",
		"Prints a script that lets bash, zsh or fish complete commands, options and names "
		"of "
		"tensors.",
		"bash: source <(cairn completion bash)         in ~/.bashrc\n"
		"zsh:  source <(cairn completion zsh)          in ~/.zshrc, behind compinit\n"
		"fish: cairn completion fish | source          in ~/.config/fish/config.fish\n",
		1,
		1,
		NULL,
		0,
	};
	struct cli_arguments arguments;
	const int result = cli_parse(&usage, argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		if (strcmp(scripts[i].shell, arguments.values[0]) == 0) {
			fputs(scripts[i].script, stdout);
			return CLI_DONE;
		}
	}
	return cli_usage_error("completion",
			       "completion: there are scripts for bash, zsh and fish, "
			       "not for '%s'",
			       arguments.values[0]);
}
