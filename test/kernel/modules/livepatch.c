// SPDX-License-Identifier: GPL-2.0
/*
 * One small livepatch, built once for each case. The build defines
 *   CUMULATIVE       1 where it takes the place of all others
 *   PATCHES_CMDLINE  what /proc/cmdline answers then (vmlinux)
 *   PATCHES_VALUE    the value that suture_target answers then
 *   PATCHES_WAIT     to replace the function in which tasks sleep
 *   OOPSES           to follow a null pointer when suture_target is asked
 *   PANICS           to panic the kernel 1: when it is loaded, 2: when suture_target is asked
 */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>

#ifndef CUMULATIVE
#define CUMULATIVE 0
#endif
#ifndef PANICS
#define PANICS 0
#endif

#ifdef PATCHES_CMDLINE
static int new_cmdline_proc_show(struct seq_file *file, void *unused)
{
	seq_puts(file, PATCHES_CMDLINE "\n");
	return 0;
}

static struct klp_func vmlinux_functions[] = {
	{ .old_name = "cmdline_proc_show", .new_func = new_cmdline_proc_show },
	{ }
};
#endif

#if defined(PATCHES_VALUE) || defined(PATCHES_WAIT)
#ifdef PATCHES_VALUE
static int new_target_value(void)
{
#ifdef OOPSES
	*(volatile int *)8 = 1;
#endif
	if (PANICS == 2)
		panic("a patch that panics when it is used");
	return PATCHES_VALUE;
}
#endif

#ifdef PATCHES_WAIT
static int new_target_wait(void)
{
	while (!fatal_signal_pending(current))
		schedule_timeout_killable(3600 * HZ);
	return 1;
}
#endif

static struct klp_func target_functions[] = {
#ifdef PATCHES_VALUE
	{ .old_name = "target_value", .new_func = new_target_value },
#endif
#ifdef PATCHES_WAIT
	{ .old_name = "target_wait", .new_func = new_target_wait },
#endif
	{ }
};
#endif

static struct klp_object objects[] = {
#ifdef PATCHES_CMDLINE
	{ .funcs = vmlinux_functions },
#endif
#if defined(PATCHES_VALUE) || defined(PATCHES_WAIT)
	{ .name = "suture_target", .funcs = target_functions },
#endif
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
	.replace = CUMULATIVE,
};

/* Not a constant, so that the compiler leaves the rest in */
static volatile int panics = PANICS;

static int __init livepatch_init(void)
{
	if (panics == 1)
		panic("a patch that panics when it is applied");
	return klp_enable_patch(&patch);
}

static void __exit livepatch_exit(void)
{
}

module_init(livepatch_init);
module_exit(livepatch_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
