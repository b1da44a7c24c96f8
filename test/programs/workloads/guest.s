# A guest in one sector: for each number on its serial line it reads a sector of its disk, compares what is there, and answers.
.code16
.globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
    sti
    movb %dl, drive
    # the clock wakes it 1,000 times a second
    movb $0x34, %al
    outb %al, $0x43
    movb $0xa9, %al
    outb %al, $0x40
    movb $0x04, %al
    outb %al, $0x40
    # 8 bits at full speed, with queues
    movw $0x3fb, %dx
    movb $0x83, %al
    outb %al, %dx
    movw $0x3f8, %dx
    movb $1, %al
    outb %al, %dx
    movw $0x3f9, %dx
    xorb %al, %al
    outb %al, %dx
    movw $0x3fb, %dx
    movb $0x03, %al
    outb %al, %dx
    movw $0x3fa, %dx
    movb $0x07, %al
    outb %al, %dx
next_line:
    xorl %esi, %esi
next_byte:
    movw $0x3fd, %dx
    inb %dx, %al
    testb $1, %al
    jnz has_byte
    hlt
    jmp next_byte
has_byte:
    movw $0x3f8, %dx
    inb %dx, %al
    cmpb $10, %al
    je whole_line
    subb $0x30, %al
    movzbl %al, %ecx
    imull $10, %esi, %esi
    addl %ecx, %esi
    jmp next_byte
whole_line:
    # each of the sectors 1 to 64 begins with its number
    movl %esi, %eax
    andl $63, %eax
    incl %eax
    movl %eax, sector
    pushl %esi
    movb $0x42, %ah
    movb drive, %dl
    movw $packet, %si
    int $0x13
    popl %esi
    movl $0, %eax
    jc answer
    movl 0x8000, %eax
    cmpl sector, %eax
    movl $0, %eax
    jne answer
    movl %esi, %eax
    xorl %ecx, %ecx
one_step:
    movl $31, %ebx
    mull %ebx
    addl %ecx, %eax
    adcl $0, %edx
    movl $1000003, %ebx
    divl %ebx
    movl %edx, %eax
    incl %ecx
    cmpl $50, %ecx
    jb one_step
answer:
    movw $text_end, %di
    movb $10, (%di)
    movl $10, %ebx
next_digit:
    xorl %edx, %edx
    divl %ebx
    addb $0x30, %dl
    decw %di
    movb %dl, (%di)
    testl %eax, %eax
    jnz next_digit
write_byte:
    movw $0x3fd, %dx
    inb %dx, %al
    testb $0x20, %al
    jz write_byte
    movw $0x3f8, %dx
    movb (%di), %al
    outb %al, %dx
    cmpb $10, %al
    je next_line
    incw %di
    jmp write_byte
drive:
    .byte 0
.balign 4
packet:
    .byte 16, 0
    .word 1, 0x8000, 0
sector:
    .long 0, 0
text:
    .skip 12
text_end:
    .byte 0
.org 510
    .byte 0x55, 0xaa
