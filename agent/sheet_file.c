#include "agent/sheet_file.h"
#include "agent/file.h"
#include "publish/publish.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool run(const char *const *argv, struct err *err)
{
	pid_t pid;
	int status;
	int code = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ);
	if (code)
		return err_set(err, ERR_UNAVAILABLE, "%s: %s; install it with apt-get install %s", argv[0], strerror(code), argv[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, ERR_INTERNAL, "%s: %s", argv[0], strerror(errno));
	/* qpdf: 3 is "done, with warnings" */
	if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 3))
		return err_set(err, ERR_INTERNAL, "%s failed", argv[0]);
	return true;
}

/* The signed JSON inside the PDF; its dates are fixed and ids derived from the content, so that two runs are the same bytes. */
static bool attach(const char *sheet, const char *json, const char *path, struct err *err)
{
	const char *const argv[] = { "qpdf", "--deterministic-id", sheet, "--add-attachment", json, "--key=certificate.json",
			       "--filename=certificate.json", "--mimetype=application/json", "--creationdate=D:20000101000000Z",
			       "--moddate=D:20000101000000Z", "--", path, NULL };
	return run(argv, err);
}

bool sheet_file_write(const char *path, const void *envelope, size_t len, const char *lang, struct err *err)
{
	char dir[] = "/tmp/pued-sheet-XXXXXX", sheet[64], json[64];
	CLEANUP(buf_done) struct buf pdf = { 0 };
	json_t *root = json_read("certificate", envelope, len, err);
	if (!root)
		return false;
	bool good = sheet_pdf(json_object_get(root, "view"), envelope, len, lang, &pdf, err);
	json_decref(root);
	if (!good || !mkdtemp(dir))
		return good ? err_set(err, ERR_IO, "cannot make a folder for the sheet: %s", strerror(errno)) : false;
	snprintf(sheet, sizeof sheet, "%s/sheet.pdf", dir);
	snprintf(json, sizeof json, "%s/certificate.json", dir);
	good = file_write(sheet, pdf.data, pdf.len, 0600, err) && file_write(json, envelope, len, 0600, err) && attach(sheet, json, path, err);
	unlink(sheet);
	unlink(json);
	rmdir(dir);
	return good;
}
