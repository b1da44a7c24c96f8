// SPDX-License-Identifier: GPL-2.0
/*
 * A module to be patched: /proc/suture_target answers with target_value(), and a task that writes to it sleeps inside
 * target_wait() until it is killed.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>

noinline int target_value(void)
{
	return 1;
}

noinline int target_wait(void)
{
	/* The kernel's own signals, 15 s into a transition, do not wake it */
	while (!fatal_signal_pending(current))
		schedule_timeout_killable(3600 * HZ);
	return 0;
}

static int target_show(struct seq_file *file, void *unused)
{
	seq_printf(file, "%d\n", target_value());
	return 0;
}

static int target_open(struct inode *inode, struct file *file)
{
	return single_open(file, target_show, NULL);
}

static ssize_t target_write(struct file *file, const char __user *text, size_t size, loff_t *at)
{
	target_wait();
	return size;
}

static const struct proc_ops target_ops = {
	.proc_open = target_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
	.proc_write = target_write,
};

static int __init target_init(void)
{
	return proc_create("suture_target", 0666, NULL, &target_ops) ? 0 : -ENOMEM;
}

static void __exit target_exit(void)
{
	remove_proc_entry("suture_target", NULL);
}

module_init(target_init);
module_exit(target_exit);
MODULE_LICENSE("GPL");
