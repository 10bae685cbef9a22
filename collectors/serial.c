#include "collectors/serial.h"
#include "collectors/net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const struct { int baud; speed_t speed; } speeds[] = {
	{ 1200, B1200 }, { 2400, B2400 }, { 4800, B4800 }, { 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 },
	{ 115200, B115200 }, { 230400, B230400 },
};

static bool speed_of(int baud, speed_t *out)
{
	for (size_t i = 0; i < countof(speeds); i++) {
		if (speeds[i].baud != baud)
			continue;
		*out = speeds[i].speed;
		return true;
	}
	return false;
}

static int number(const struct endpoint *ep, const char *key, int fallback)
{
	const char *text = endpoint_option(ep, key);
	return text ? atoi(text) : fallback;
}

bool serial_parse(const struct endpoint *ep, struct serial *out, struct err *err)
{
	static const struct { const char *name; char letter; } parities[] = { { "none", 'N' }, { "even", 'E' }, { "odd", 'O' } };
	const char *parity = endpoint_option(ep, "parity"), *rs485 = endpoint_option(ep, "rs485");
	struct serial s = { .path = ep->host, .baud = number(ep, "baud", 19200), .bits = number(ep, "bits", 8), .parity = parity ? 0 : 'E',
			    .rs485 = rs485 && !strcmp(rs485, "yes") };
	speed_t speed;
	for (size_t i = 0; parity && i < countof(parities); i++)
		if (!strcmp(parities[i].name, parity))
			s.parity = parities[i].letter;
	s.stop = number(ep, "stop", s.parity == 'N' ? 2 : 1);   /* 11 bits a character, as the standard has it */
	if (!speed_of(s.baud, &speed))
		return err_set(err, ERR_CONFIG, "%s: baud=%s is not a usual rate; use 9600, 19200, ...", ep->host, endpoint_option(ep, "baud"));
	if (!s.parity)
		return err_set(err, ERR_CONFIG, "%s: parity=%s is not none, even or odd", ep->host, parity);
	if ((s.bits != 7 && s.bits != 8) || (s.stop != 1 && s.stop != 2))
		return err_set(err, ERR_CONFIG, "%s: bits=7|8 and stop=1|2 only", ep->host);
	*out = s;
	return true;
}

static bool set_line(int fd, const struct serial *s)
{
	struct termios t;
	speed_t speed = B19200;
	if (tcgetattr(fd, &t) != 0)
		return false;
	cfmakeraw(&t);
	t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE | PARENB | PARODD | CSTOPB | CRTSCTS)) | CLOCAL | CREAD;
	t.c_cflag |= s->bits == 7 ? CS7 : CS8;
	t.c_cflag |= s->stop == 2 ? CSTOPB : 0;
	t.c_cflag |= s->parity == 'N' ? 0 : s->parity == 'O' ? PARENB | PARODD : PARENB;
	t.c_iflag |= s->parity == 'N' ? 0 : INPCK;
	t.c_cc[VMIN] = 1;    /* so that nothing to read is EAGAIN and 0 is a line that is gone */
	t.c_cc[VTIME] = 0;
	speed_of(s->baud, &speed);
	return cfsetspeed(&t, speed) == 0 && tcsetattr(fd, TCSANOW, &t) == 0 && tcflush(fd, TCIOFLUSH) == 0;
}

int serial_open(const struct serial *s, struct err *err)
{
	int fd = net_high(open(s->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
	if (fd < 0) {
		err_set(err, errno == EACCES ? ERR_DENIED : ERR_UNAVAILABLE, "cannot open %s: %s%s", s->path, strerror(errno),
			errno == EACCES ? "; add the user to group dialout" : errno == ENOENT ? "; is the adapter plugged in?" : "");
		return -1;
	}
	struct serial_rs485 mode = { .flags = SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND };
	bool good = set_line(fd, s) && (!s->rs485 || ioctl(fd, TIOCSRS485, &mode) == 0);
	ioctl(fd, TIOCEXCL);   /* a second master on the line would be worse than an error */
	if (good)
		return fd;
	err_set(err, ERR_IO, "%s cannot be set to %d %d%c%d: %s", s->path, s->baud, s->bits, s->parity, s->stop, strerror(errno));
	close(fd);
	return -1;
}
