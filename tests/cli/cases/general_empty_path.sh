# SPDX-License-Identifier: Apache-2.0
for command in info ls verify; do
	says . cairn $command ""
done
