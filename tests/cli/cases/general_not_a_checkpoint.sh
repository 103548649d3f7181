# SPDX-License-Identifier: Apache-2.0
echo "hello, this is a letter and no model" >letter.txt
echo "<!DOCTYPE html><html><body>404</body></html>" >page.safetensors
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n' >pointer.safetensors
for file in letter.txt page.safetensors pointer.safetensors; do
	says "$file" cairn info $file
	says "$file" cairn verify --json $file
done
